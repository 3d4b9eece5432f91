//! The least automaton that says the same as another: states that no text tells apart become one.
//!
//! Enters: a table of states and columns, and which states end a match. Leaves: for each state its class. Edges to the dead
//! state are left out of account, as most are such edges: A. Valmari, P. Lehtinen, "Efficient Minimization of DFAs with
//! Partial Transition Functions" (STACS 2008), in time that grows with the edges and their logarithm. Beside it: columns
//! that are alike in every row become one.

#![allow(clippy::indexing_slicing, reason = "numbers of states, edges and sets are the function's own")]

/// The state from which nothing matches; its row leads nowhere.
pub(super) const DEAD: u32 = 0;

/// For each state of the table the number of its class: states of one class end matches behind the same texts. What ends no
/// match, and leads nowhere, is in the dead state's.
pub(super) fn classes(cells: &[u32], width: usize, ends: impl Fn(usize) -> bool) -> Vec<u32> {
    let count = cells.len() / width;
    let edges = Edges::of(cells, width);
    let mut states = Partition::whole(count);
    (0..count).filter(|state| ends(*state)).for_each(|state| states.mark(state as u32));
    states.split();
    let mut labels = edges.by_label;
    let (mut label, mut state) = (0, 1);
    while label < labels.len() {
        labels.members(label).for_each(|at| states.mark(edges.from[labels.elements[at] as usize]));
        states.split();
        label += 1;
        while state < states.len() {
            for at in states.members(state) {
                let into = states.elements[at] as usize;
                let range = edges.into_bounds[into] as usize..edges.into_bounds[into + 1] as usize;
                edges.into[range].iter().for_each(|edge| labels.mark(*edge));
            }
            labels.split();
            state += 1;
        }
    }
    states.set_of
}

/// For each column of the table the place of its first like among the columns that differ, and how many these are.
pub(super) fn columns(cells: &[u32], width: usize) -> (Vec<usize>, usize) {
    let mut hashes = vec![0_u64; width];
    for row in cells.chunks_exact(width) {
        for (hash, cell) in hashes.iter_mut().zip(row) {
            *hash = (hash.rotate_left(5) ^ u64::from(*cell)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }
    let same = |one: usize, other: usize| {
        hashes[one] == hashes[other] && cells.chunks_exact(width).all(|row| row[one] == row[other])
    };
    let mut firsts: Vec<usize> = Vec::new();
    let places = (0..width)
        .map(|column| {
            firsts.iter().position(|first| same(*first, column)).unwrap_or_else(|| {
                firsts.push(column);
                firsts.len() - 1
            })
        })
        .collect();
    (places, firsts.len())
}

/// The edges of a table that do not lead to the dead state.
struct Edges {
    /// The state that each begins in.
    from: Vec<u32>,
    /// The edges of each column are a set.
    by_label: Partition,
    /// The edges into each state, state by state.
    into: Vec<u32>,
    into_bounds: Vec<u32>,
}

impl Edges {
    fn of(cells: &[u32], width: usize) -> Self {
        let states = cells.len() / width;
        let all = || cells.iter().enumerate().filter(|(_, to)| **to != DEAD);
        let mut label_bounds = vec![0_u32; width + 1];
        let mut into_bounds = vec![0_u32; states + 1];
        for (at, to) in all() {
            label_bounds[at % width + 1] += 1;
            into_bounds[*to as usize + 1] += 1;
        }
        let sums = |bounds: &mut Vec<u32>| (1..bounds.len()).for_each(|at| bounds[at] += bounds[at - 1]);
        sums(&mut label_bounds);
        sums(&mut into_bounds);
        let count = label_bounds[width] as usize;
        // Edges are numbered column by column.
        let (mut from, mut into) = (vec![0; count], vec![0; count]);
        let (mut next_of_label, mut next_into) = (label_bounds.clone(), into_bounds.clone());
        for (at, to) in all() {
            let take = |next: &mut u32| std::mem::replace(next, *next + 1);
            let edge = take(&mut next_of_label[at % width]);
            from[edge as usize] = (at / width) as u32;
            into[take(&mut next_into[*to as usize]) as usize] = edge;
        }
        Self { from, by_label: Partition::of_runs(&label_bounds), into, into_bounds }
    }
}

/// Elements in sets that are split into those that are marked and the others.
struct Partition {
    /// The elements, set by set; within a set those that are marked come first.
    elements: Vec<u32>,
    /// Where each element stands among them.
    places: Vec<u32>,
    /// The set of each element.
    set_of: Vec<u32>,
    /// Where each set begins and ends, and how many of it are marked.
    sets: Vec<(u32, u32, u32)>,
    /// The sets of which some are marked.
    touched: Vec<u32>,
}

impl Partition {
    /// All elements in one set.
    fn whole(count: usize) -> Self {
        Self::of_runs(&[0, count as u32])
    }

    /// Elements in sets that end where the next begins.
    fn of_runs(bounds: &[u32]) -> Self {
        let elements: Vec<u32> = (0..bounds.last().copied().unwrap_or(0)).collect();
        let mut all = Self {
            places: elements.clone(),
            set_of: elements.clone(),
            elements,
            sets: Vec::new(),
            touched: Vec::new(),
        };
        for pair in bounds.windows(2).filter(|pair| pair[0] < pair[1]) {
            all.set_of[pair[0] as usize..pair[1] as usize].fill(all.sets.len() as u32);
            all.sets.push((pair[0], pair[1], 0));
        }
        all
    }

    fn len(&self) -> usize {
        self.sets.len()
    }

    /// Where the members of a set stand among the elements.
    fn members(&self, set: usize) -> std::ops::Range<usize> {
        let (from, to, _) = self.sets[set];
        from as usize..to as usize
    }

    /// Marks an element that is not marked.
    fn mark(&mut self, element: u32) {
        let set = self.set_of[element as usize];
        let (from, _, marked) = &mut self.sets[set as usize];
        let (own, free) = (self.places[element as usize], *from + *marked);
        if *marked == 0 {
            self.touched.push(set);
        }
        *marked += 1;
        self.elements.swap(own as usize, free as usize);
        self.places[self.elements[own as usize] as usize] = own;
        self.places[element as usize] = free;
    }

    /// Splits each set of which some are marked; the smaller part becomes a set of its own. Nothing is marked then.
    fn split(&mut self) {
        while let Some(set) = self.touched.pop() {
            let new = self.sets.len() as u32;
            let (from, to, marked) = &mut self.sets[set as usize];
            let middle = *from + std::mem::take(marked);
            if middle == *to {
                continue;
            }
            let part = if middle - *from <= *to - middle {
                (std::mem::replace(from, middle), middle, 0)
            } else {
                (middle, std::mem::replace(to, middle), 0)
            };
            self.sets.push(part);
            for at in part.0..part.1 {
                self.set_of[self.elements[at as usize] as usize] = new;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Classes by refinement, round by round, where the dead state is a state as others.
    fn refined(cells: &[u32], width: usize, ends: &[bool]) -> usize {
        let mut classes: Vec<usize> = ends.iter().map(|ends| usize::from(*ends)).collect();
        let mut count = 0;
        loop {
            let mut known: HashMap<(usize, Vec<usize>), usize> = HashMap::new();
            let rows = cells.chunks_exact(width).zip(&classes);
            let next: Vec<usize> = rows
                .map(|(row, own)| {
                    let number = known.len();
                    *known.entry((*own, row.iter().map(|to| classes[*to as usize]).collect())).or_insert(number)
                })
                .collect();
            classes = next;
            if known.len() == count {
                return count;
            }
            count = known.len();
        }
    }

    #[test]
    fn classes_are_those_of_plain_refinement() {
        let mut random = 11_u64;
        let mut draw = |most: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % most
        };
        for _ in 0..400 {
            let (states, width) = (2 + draw(24), 1 + draw(4));
            let mut cells = vec![DEAD; states * width];
            let mut ends = vec![false; states];
            // Each leads on to another and to one that ends a match, so that nothing but the dead state is dead.
            for state in 1..states {
                ends[state] = draw(5) == 0 || state == states - 1;
                for cell in &mut cells[state * width..(state + 1) * width] {
                    *cell = if draw(3) > 0 { draw(states) as u32 } else { DEAD };
                }
                if state + 1 < states {
                    cells[state * width] = state as u32 + 1;
                }
            }
            let classes = classes(&cells, width, |state| ends[state]);
            let mut distinct = classes.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), refined(&cells, width, &ends));
            // What is one class ends alike and leads on alike.
            let mut rows: HashMap<u32, (bool, Vec<u32>)> = HashMap::new();
            for (state, row) in cells.chunks_exact(width).enumerate() {
                let row = row.iter().map(|to| classes[*to as usize]).collect();
                let known = rows.entry(classes[state]).or_insert_with(|| (ends[state], Vec::clone(&row)));
                assert_eq!(*known, (ends[state], row));
            }
        }
    }

    #[test]
    fn columns_that_are_alike_are_one() {
        assert_eq!(columns(&[0, 0, 0, 0, 1, 2, 1, 2, 3, 3, 3, 3], 4), (vec![0, 1, 0, 1], 2));
        assert_eq!(columns(&[1, 2, 1, 2, 3, 4], 3), (vec![0, 1, 2], 3));
    }
}
