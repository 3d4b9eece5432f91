//! The views of a text, and the views of these: what is encoded twice is opened twice, and no more.
//!
//! ```text
//!   text          NDExMSUyMDExMTElMjAxMTExJTIwMTExMQ==     runs of it are decoded: the view of the text
//!   view          4111%201111%201111%201111                encoded characters of that are unfolded: a view of the view
//!   inner view    4111 1111 1111 1111                      a match, told as a place of the view, told as one of the text
//! ```
//!
//! A view's text is looked at as any text is, by a view for its encoded characters and one for its runs. Those begin only
//! where there is something to open.

use std::ops::Range;

use super::super::candidate::{Candidate, Kind, LaneId};
use super::view::{Manner, View};
use super::{DEPTH, Force, Lane};

/// The views of a lane.
#[derive(Default)]
pub(super) struct Views {
    /// Its encoded characters, once there was one.
    unfolded: Option<Box<View>>,
    /// Its runs of base64 and hexadecimal, once there was one.
    decoded: Option<Box<View>>,
    /// Offset of a run that is too short yet to tell what it is.
    undecided: Option<u64>,
}

/// A view, and the one that it is a view of where that is no text.
#[derive(Clone, Copy)]
pub(super) struct Path<'views> {
    view: &'views View,
    outer: Option<&'views View>,
}

/// Up to where the last groups of a replaced finding show what they held: in the view of the text, and in the view of that
/// view where the finding is in one. Another finding begins there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside {
    pub(super) outer: u64,
    pub(super) inner: u64,
}

impl Beside {
    /// There is no other finding.
    pub(super) const NONE: Self = Self { outer: u64::MAX, inner: u64::MAX };

    pub(super) fn is_none(self) -> bool {
        (self.outer, self.inner) == (u64::MAX, u64::MAX)
    }
}

impl Views {
    /// Begins a text whose own bytes begin at `origin`.
    pub(super) fn begin(&mut self, origin: u64) {
        self.undecided = None;
        self.each_mut().for_each(|view| view.begin(origin));
    }

    /// Looks along what the lane has of encoded characters and runs.
    pub(super) fn look(&mut self, force: Force<'_>, lane: &mut Lane, last: bool) {
        let depth = lane.depth + 1;
        let is_active = |view: &Option<Box<View>>| view.as_ref().is_some_and(|view| view.is_active());
        if !lane.triggers.is_empty() || is_active(&self.unfolded) {
            self.unfolded.get_or_insert_with(|| View::of(depth)).unfold(force, lane, last);
        }
        self.undecided = None;
        if !lane.blobs.is_empty() || is_active(&self.decoded) {
            self.undecided = self.decoded.get_or_insert_with(|| View::of(depth)).decode(force, lane, last);
        }
    }

    /// How far of the lane every match that these show has been found.
    pub(super) fn safe(&self, last: bool) -> u64 {
        self.each().map(|view| view.safe(last)).chain(self.undecided).min().unwrap_or(u64::MAX)
    }

    /// Whether none of them may tell of more.
    pub(super) fn are_quiet(&self) -> bool {
        self.undecided.is_none() && !self.each().any(View::is_active)
    }

    /// Where in the lane begins what has not come to its end.
    pub(super) fn begun(&self) -> impl Iterator<Item = u64> + '_ {
        self.each().flat_map(View::begun).chain(self.undecided)
    }

    /// Ends what goes on at the end of what the lane was given.
    pub(super) fn close(&mut self, end: u64) {
        self.undecided = None;
        self.each_mut().for_each(|view| view.break_off(end));
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &View> {
        self.unfolded.iter().chain(&self.decoded).map(|view| &**view)
    }

    fn each_mut(&mut self) -> impl Iterator<Item = &mut View> {
        self.unfolded.iter_mut().chain(&mut self.decoded).map(|view| &mut **view)
    }

    fn get(&self, kind: Kind) -> Option<&View> {
        match kind {
            Kind::Unfolded => self.unfolded.as_deref(),
            Kind::Decoded => self.decoded.as_deref(),
        }
    }

    fn get_mut(&mut self, kind: Kind) -> Option<&mut View> {
        match kind {
            Kind::Unfolded => self.unfolded.as_deref_mut(),
            Kind::Decoded => self.decoded.as_deref_mut(),
        }
    }

    pub(super) fn path(&self, lane: LaneId) -> Option<Path<'_>> {
        match lane {
            LaneId::Plain => None,
            LaneId::View(kind) => Some(Path { view: self.get(kind)?, outer: None }),
            LaneId::Inner(outer, inner) => {
                let outer = self.get(outer)?;
                Some(Path { view: outer.inner.get(inner)?, outer: Some(outer) })
            }
        }
    }

    /// The lane of a view.
    pub(super) fn lane_mut(&mut self, lane: LaneId) -> Option<&mut Lane> {
        match lane {
            LaneId::Plain => None,
            LaneId::View(kind) => self.get_mut(kind).map(|view| &mut view.lane),
            LaneId::Inner(outer, inner) => self.get_mut(outer)?.inner.get_mut(inner).map(|view| &mut view.lane),
        }
    }

    /// All views, those of views among them.
    pub(super) fn paths(&self) -> impl Iterator<Item = Path<'_>> {
        self.each().flat_map(|outer| {
            let inner = outer.inner.each().map(move |view| Path { view, outer: Some(outer) });
            std::iter::once(Path { view: outer, outer: None }).chain(inner)
        })
    }

    /// Forgets what none of the matches that wait to be judged needs.
    pub(super) fn compact(&mut self, force: Force<'_>, found: &[Candidate]) {
        self.compact_at(force, found, None);
    }

    fn compact_at(&mut self, force: Force<'_>, found: &[Candidate], outer: Option<Kind>) {
        for kind in [Kind::Unfolded, Kind::Decoded] {
            let Some(view) = self.get_mut(kind) else { continue };
            let lane = LaneId::View(kind);
            let lane = outer.map_or(lane, |outer| lane.within(outer));
            let own = found.iter().filter(|one| one.lane == lane).map(|one| one.own.start);
            let mut needed = own.min();
            if view.lane.depth < DEPTH && view.inner.each().next().is_some() {
                for inner in [Kind::Unfolded, Kind::Decoded] {
                    let Some(inner_view) = view.inner.get(inner) else { continue };
                    let theirs = found.iter().filter(|one| one.lane == LaneId::Inner(kind, inner));
                    needed = theirs.map(|one| inner_view.text_start(one.own.start)).chain(needed).min();
                }
                view.inner.compact_at(force, found, Some(kind));
            }
            view.compact(force, needed);
        }
    }
}

impl<'views> Path<'views> {
    pub(super) fn view(&self) -> &'views View {
        self.view
    }

    /// The view of the text.
    fn outermost(&self) -> &'views View {
        self.outer.unwrap_or(self.view)
    }

    /// A stretch as the view of the text has it.
    pub(super) fn place(&self, own: &Range<u64>) -> Range<u64> {
        match self.outer {
            None => own.clone(),
            Some(_) => self.view.text_start(own.start)..self.view.text_end(own.end),
        }
    }

    /// The place in the text of what begins at a place of the view.
    pub(super) fn text_start(&self, own: u64) -> u64 {
        let place = self.view.text_start(own);
        self.outer.map_or(place, |outer| outer.text_start(place))
    }

    /// The place in the text of what ends at a place of the view.
    pub(super) fn text_end(&self, own: u64) -> u64 {
        let place = self.view.text_end(own);
        self.outer.map_or(place, |outer| outer.text_end(place))
    }

    /// The first place of the view, in `own`, that comes from `text` or later.
    pub(super) fn own_from(&self, own: Range<u64>, text: u64) -> u64 {
        let mut here = own.start;
        while here < own.end && self.text_start(here) < text {
            here += 1;
        }
        here
    }

    pub(super) fn bytes(&self, own: Range<u64>) -> &'views [u8] {
        self.view.bytes(own)
    }

    /// Where the group of base64 ends that a match ends within, in the view of the text, and where the one in the view of that.
    pub(super) fn group_ends(&self, own: &Range<u64>) -> (Option<u64>, Option<u64>) {
        let outer = self.outermost().group_end(self.place(own).end);
        (outer, self.outer.and_then(|_| self.view.group_end(own.end)))
    }

    /// The place in the text where the last group begins that a match has only a part of; else `end`, where it ends.
    pub(super) fn whole_end(&self, own: &Range<u64>, end: u64) -> u64 {
        match self.group_ends(own) {
            (None, None) => end,
            (Some(_), None) => self.outermost().text_start(self.place(own).end),
            (_, Some(_)) => self.text_start(own.end),
        }
    }

    /// Where the stretch ends that a place of the view lies in.
    pub(super) fn stretch_end(&self, own: u64) -> Option<u64> {
        self.view.stretch_end(own)
    }

    /// Appends what takes the place of a stretch of the view, as the text there is written: in the inner encoding, and that in
    /// the outer one. Up to the places in `since` the groups are written already.
    pub(super) fn write(
        &self,
        own: Range<u64>,
        replacement: &[u8],
        alone: bool,
        (since, beside): (Beside, Beside),
        out: &mut Vec<u8>,
    ) {
        let Some(outer) = self.outer else {
            let manner = Manner { alone, since: since.outer, until: beside.outer, fill: 0 };
            return self.view.write(own, replacement, manner, out);
        };
        let own = own.start.max(since.inner).min(own.end)..own.end;
        let place = self.place(&own);
        let place = place.start.max(since.outer).min(place.end)..place.end;
        let around = Manner { alone, since: since.outer, until: beside.outer, fill: 0 };
        let mut written = Vec::new();
        // What fills the outer group up is written in the inner encoding as well.
        for fill in 0..3 {
            written.clear();
            let manner = Manner { alone, since: since.inner, until: beside.inner, fill };
            self.view.write(own.clone(), replacement, manner, &mut written);
            if !self.view.is_run(&own) || outer.lacks(&place, written.len(), around) == 0 {
                break;
            }
        }
        outer.write(place, &written, around, out);
    }
}
