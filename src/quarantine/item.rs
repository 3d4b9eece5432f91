//! A held request or answer, as far as it may be known without its content, and what may become of it.
//!
//! Enters: what was held, and decisions. Leaves: the next state, or why there is none. Pure: times are arguments. An item
//! is sent at most once: it is [`State::Releasing`] in the store before its first byte leaves, and from there it never comes
//! back to be sent again unless nothing was sent, or a person says so knowing that it may have been. An answer that a person
//! has let pass is [`State::Cleared`] until the one who asked for it fetches it.

use serde::{Deserialize, Serialize};

/// The version of the store's format.
pub const VERSION: u8 = 1;
/// Longest reason, in bytes.
pub const REASON: usize = 1024;

/// What is known of a held request from the beginning, and never changes. No part of what the request said is among it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Facts {
    /// The version of the format.
    pub v: u8,
    /// 128 random bits in hexadecimal.
    pub id: String,
    /// When it was held, in milliseconds since 1970.
    pub time: u64,
    /// When its content is erased, likewise.
    pub expires: u64,
    /// Whose it is.
    pub workspace: String,
    /// The route that it came by.
    pub route: String,
    /// Its method.
    pub method: String,
    /// The id of its exchange, as the answer and the audit have it.
    pub request_id: String,
    /// SHA-256 of the configuration that held it.
    pub policy: String,
    /// The address that it came from, without port.
    pub address: String,
    /// The names of the sender's certificate, as the configuration writes them, and `key:ID` where a key was shown.
    pub sender: Vec<String>,
    /// SHA-256 of that certificate.
    pub certificate: Option<String>,
    /// Length of its body as it came.
    pub length: u64,
    /// What was found in it.
    pub findings: Vec<Found>,
    /// Whether it is an answer that is held, and not a request.
    #[serde(default, skip_serializing_if = "is_request")]
    pub answer: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_request(answer: &bool) -> bool {
    !answer
}

/// Findings of one rule and action.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Found {
    /// The rule.
    pub rule: String,
    /// What it finds.
    pub entity: String,
    /// What it does.
    pub action: String,
    /// How often.
    pub count: u64,
}

/// A held request and what became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Item {
    /// What never changes.
    pub facts: Facts,
    /// How often it has changed: a change names the number that it follows.
    pub turn: u64,
    /// Its own key, wrapped, in base64; none once its content is erased.
    pub key: Option<String>,
    /// Bytes of its content, sealed.
    pub sealed: u64,
    /// SHA-256 over them, in hexadecimal.
    pub sealed_sha256: String,
    /// Where it is.
    pub state: State,
    /// Who decided, where somebody has.
    pub verdict: Option<Verdict>,
    /// How far the verdict is told.
    pub delivery: Delivery,
}

/// Where a held request is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    /// It waits for a person.
    Held,
    /// A person has let an answer pass: it waits for who asked for it.
    Cleared,
    /// It is being sent, or was when the proxy died.
    Releasing {
        /// When that must have come to an end, in milliseconds since 1970.
        until: u64,
    },
    /// It was sent, and the upstream answered.
    Released {
        /// The status of the answer.
        status: u16,
    },
    /// It may have been sent: the proxy or the connection died before the answer came.
    Uncertain,
    /// It could not be released: the code says why.
    Failed {
        /// Of the codes of refusals.
        code: String,
    },
    /// A person refused it.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Cleared => "cleared",
            Self::Releasing { .. } => "releasing",
            Self::Released { .. } => "released",
            Self::Uncertain => "uncertain",
            Self::Failed { .. } => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing will become of it any more.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Held | Self::Cleared | Self::Releasing { .. } | Self::Uncertain => false,
            Self::Released { .. } | Self::Failed { .. } | Self::Rejected | Self::Expired => true,
        }
    }
}

/// Who decided what, and why.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Verdict {
    /// The person.
    pub by: String,
    /// In that person's words.
    pub reason: String,
    /// When, in milliseconds since 1970.
    pub time: u64,
}

/// How far the end of an item is told to the webhook.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Nobody is to be told, or not yet.
    None,
    /// It is to be told.
    Due,
    /// It was told.
    Done,
    /// It was tried as often as may be.
    GivenUp,
}

/// Why something does not become of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Nobody has decided.
    Waits,
    /// It is being sent.
    Underway,
    /// It was decided otherwise before.
    Decided,
    /// It may have been sent; whoever sends it again must say so.
    Uncertain,
}

impl Item {
    /// The next turn: it is sent from now on.
    ///
    /// # Errors
    /// It is not to be sent; `again` lets one pass that may have been sent.
    pub fn releasing(&self, verdict: Verdict, until: u64, again: bool) -> Result<Self, Refusal> {
        self.waits(again)?;
        Ok(Self { verdict: Some(verdict), ..self.becoming(State::Releasing { until }) })
    }

    /// The next turn of an answer: a person lets it pass, and its reader may fetch it.
    ///
    /// # Errors
    /// As [`Item::releasing`].
    pub fn cleared(&self, verdict: Verdict, again: bool) -> Result<Self, Refusal> {
        self.waits(again)?;
        Ok(Self { verdict: Some(verdict), ..self.becoming(State::Cleared) })
    }

    /// The next turn of an answer that may be fetched: it is being handed over. That it was is told anew.
    ///
    /// # Errors
    /// It may not be fetched, or not any more.
    pub fn fetching(&self, until: u64) -> Result<Self, Refusal> {
        match self.state {
            State::Cleared => Ok(Self { delivery: Delivery::None, ..self.becoming(State::Releasing { until }) }),
            State::Held => Err(Refusal::Waits),
            State::Uncertain => Err(Refusal::Uncertain),
            State::Releasing { .. } => Err(Refusal::Underway),
            State::Released { .. } | State::Failed { .. } | State::Rejected | State::Expired => Err(Refusal::Decided),
        }
    }

    /// The next turn of one of which nothing was sent: it is what it was.
    #[must_use]
    pub fn unsent(&self) -> Self {
        self.becoming(if self.facts.answer { State::Cleared } else { State::Held })
    }

    fn waits(&self, again: bool) -> Result<(), Refusal> {
        match self.state {
            State::Held => Ok(()),
            State::Uncertain if again => Ok(()),
            State::Uncertain => Err(Refusal::Uncertain),
            State::Releasing { .. } => Err(Refusal::Underway),
            State::Cleared | State::Released { .. } | State::Failed { .. } | State::Rejected | State::Expired => {
                Err(Refusal::Decided)
            }
        }
    }

    /// The next turn: a person refused it.
    ///
    /// # Errors
    /// It was decided before, or is being sent.
    pub fn rejected(&self, verdict: Verdict) -> Result<Self, Refusal> {
        match self.state {
            State::Held | State::Cleared | State::Uncertain => {
                Ok(Self { verdict: Some(verdict), ..self.becoming(State::Rejected) })
            }
            State::Releasing { .. } => Err(Refusal::Underway),
            State::Released { .. } | State::Failed { .. } | State::Rejected | State::Expired => Err(Refusal::Decided),
        }
    }

    /// The next turn: it is in this state. What is final loses its key, and with that its content.
    #[must_use]
    pub fn becoming(&self, state: State) -> Self {
        let key = self.key.clone().filter(|_| !state.is_final());
        let verdict = self.verdict.clone().filter(|_| state != State::Held);
        Self { turn: self.turn + 1, key, verdict, state, ..self.clone() }
    }

    /// The next turn: it was told, or is not to be.
    #[must_use]
    pub fn delivered(&self, delivery: Delivery) -> Self {
        Self { turn: self.turn + 1, delivery, ..self.clone() }
    }

    /// What time makes of it; none where it stays as it is.
    #[must_use]
    pub fn aged(&self, now: u64) -> Option<Self> {
        match self.state {
            State::Releasing { until } if until < now => Some(self.becoming(State::Uncertain)),
            State::Held | State::Cleared | State::Uncertain if self.facts.expires <= now => {
                Some(self.becoming(State::Expired))
            }
            _ => None,
        }
    }

    /// Whether its content is still there.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.key.is_some()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn facts(id: &str, workspace: &str) -> Facts {
        Facts {
            v: VERSION,
            id: id.to_owned(),
            time: 1,
            expires: 100,
            workspace: workspace.to_owned(),
            route: "root".to_owned(),
            method: "POST".to_owned(),
            request_id: "r".to_owned(),
            policy: "p".to_owned(),
            address: "127.0.0.1".to_owned(),
            sender: vec!["uri:spiffe://acme.example/agent".to_owned()],
            certificate: None,
            length: 3,
            findings: Vec::new(),
            answer: false,
        }
    }

    fn item(state: State) -> Item {
        Item {
            facts: facts("00", "acme"),
            turn: 0,
            key: Some("k".to_owned()),
            sealed: 5,
            sealed_sha256: String::new(),
            state,
            verdict: None,
            delivery: Delivery::None,
        }
    }

    fn verdict() -> Verdict {
        Verdict { by: "jane".to_owned(), reason: "r".to_owned(), time: 2 }
    }

    #[test]
    fn only_what_waits_is_sent() {
        let all = [
            (State::Held, Ok(()), Ok(())),
            (State::Releasing { until: 9 }, Err(Refusal::Underway), Err(Refusal::Underway)),
            (State::Uncertain, Err(Refusal::Uncertain), Ok(())),
            (State::Released { status: 200 }, Err(Refusal::Decided), Err(Refusal::Decided)),
            (State::Failed { code: "x".to_owned() }, Err(Refusal::Decided), Err(Refusal::Decided)),
            (State::Rejected, Err(Refusal::Decided), Err(Refusal::Decided)),
            (State::Expired, Err(Refusal::Decided), Err(Refusal::Decided)),
        ];
        for (state, once, again) in all {
            let item = item(state);
            assert_eq!(item.releasing(verdict(), 9, false).map(drop), once, "{item:?}");
            assert_eq!(item.releasing(verdict(), 9, true).map(drop), again, "{item:?}");
            if let Ok(next) = item.releasing(verdict(), 9, true) {
                assert_eq!((next.turn, next.has_content()), (1, true));
            }
        }
    }

    #[test]
    fn an_answer_is_fetched_once_a_person_has_let_it_pass() {
        let answer = |state| {
            let mut item = item(state);
            item.facts.answer = true;
            item
        };
        for (state, fetched) in [
            (State::Held, Err(Refusal::Waits)),
            (State::Cleared, Ok(())),
            (State::Releasing { until: 9 }, Err(Refusal::Underway)),
            (State::Uncertain, Err(Refusal::Uncertain)),
            (State::Released { status: 200 }, Err(Refusal::Decided)),
            (State::Failed { code: "x".to_owned() }, Err(Refusal::Decided)),
            (State::Rejected, Err(Refusal::Decided)),
            (State::Expired, Err(Refusal::Decided)),
        ] {
            assert_eq!(answer(state.clone()).fetching(9).map(drop), fetched, "{state:?}");
        }
        let cleared = answer(State::Held).cleared(verdict(), false).expect("it waits");
        assert!(cleared.has_content() && !cleared.state.is_final() && cleared.verdict.is_some());
        assert_eq!(cleared.releasing(verdict(), 9, true).err(), Some(Refusal::Decided));
        let fetching = cleared.fetching(9).expect("it is cleared");
        assert_eq!((fetching.unsent().state, fetching.unsent().verdict.is_some()), (State::Cleared, true));
        assert_eq!(fetching.aged(10).map(|item| item.state), Some(State::Uncertain));
        assert_eq!(answer(State::Uncertain).cleared(verdict(), false).err(), Some(Refusal::Uncertain));
        assert!(answer(State::Uncertain).cleared(verdict(), true).is_ok());
        assert_eq!(cleared.aged(100).map(|item| item.state), Some(State::Expired));
        assert!(cleared.rejected(verdict()).is_ok());
    }

    #[test]
    fn a_request_is_written_as_it_was_before_there_were_answers() {
        let text = serde_json::to_string(&facts("00", "acme")).expect("it is written");
        assert!(!text.contains("answer"), "what is sealed under it opens still");
        let answer = Facts { answer: true, ..facts("00", "acme") };
        let text = serde_json::to_string(&answer).expect("it is written");
        assert_eq!(serde_json::from_str::<Facts>(&text).ok(), Some(answer));
    }

    #[test]
    fn what_is_final_has_no_key() {
        for state in [State::Released { status: 200 }, State::Rejected, State::Expired] {
            assert!(!item(State::Held).becoming(state).has_content());
        }
        assert!(item(State::Held).becoming(State::Uncertain).has_content());
    }

    #[test]
    fn time_expires_what_waits_and_ends_what_hangs() {
        assert_eq!(item(State::Held).aged(99), None);
        assert_eq!(item(State::Held).aged(100).map(|item| item.state), Some(State::Expired));
        assert_eq!(item(State::Releasing { until: 5 }).aged(5), None);
        assert_eq!(item(State::Releasing { until: 5 }).aged(6).map(|item| item.state), Some(State::Uncertain));
        assert_eq!(item(State::Rejected).aged(1000), None);
    }
}
