use crate::json::{Json, JsonKind};
use crate::json_writer::quote;
use crate::settings::settings;
use crate::text::{cut, decimal, is_control, length};
use alloc::boxed::Box;
use alloc::string::String;
use core::cell::RefCell;

/// Checks settings and says what is wrong in one sentence: the key, what was found, what is allowed. The first problem
/// is kept. A value that is missing passes every check but `required`.
pub struct Check {
    pub value: &'static Json,
    pub path: String,
    top: bool,
    /// One for the settings and all that is in them.
    found: &'static RefCell<String>,
}

impl Check {
    /// Of the whole settings, which must be an object with no other keys than these.
    pub fn settings(keys: &[&str]) -> Check {
        let found = Box::leak(Box::new(RefCell::new(String::new())));
        let check = Check { value: settings(), path: String::from("settings"), top: true, found };
        check.object(keys);
        check
    }

    /// Empty while nothing is wrong.
    pub fn problem(&self) -> String {
        self.found.borrow().clone()
    }

    pub fn get(&self, key: &str) -> Check {
        let path = if self.top { String::from(key) } else { joined(&[&self.path, ".", key]) };
        Check { value: self.value.get(key), path, top: false, found: self.found }
    }

    /// An item of a list, or the value of an object's member.
    pub fn at(&self, index: usize) -> Check {
        let place =
            if self.value.is_object() { quote(self.value.name_at(index)) } else { decimal(index as i64) };
        let path = joined(&[&self.path, "[", &place, "]"]);
        Check { value: self.value.at(index), path, top: false, found: self.found }
    }

    /// Keeps "Cannot use <key>: found <value>, <allowed>".
    pub fn refuse(&self, allowed: &str) -> &Check {
        let mut found = self.found.borrow_mut();
        if found.is_empty() {
            *found =
                joined(&["Cannot use ", &self.path, ": found ", &describe(self.value), ", ", allowed]);
        }
        self
    }

    pub fn required(&self, allowed: &str) -> &Check {
        self.unless(!self.value.is_missing(), || String::from(allowed))
    }

    /// An object, whatever its keys.
    pub fn members(&self) -> &Check {
        self.unless(self.value.is_missing() || self.value.is_object(), || "allowed is an object".into())
    }

    /// An object with no other keys than these.
    pub fn object(&self, keys: &[&str]) -> &Check {
        self.members();
        let count = if self.value.is_object() { self.value.length() } else { 0 };
        for name in (0..count).map(|index| self.value.name_at(index)) {
            if keys.contains(&name) {
                continue;
            }
            self.get(name).refuse(&match keys {
                [] => String::from("there are no settings"),
                _ => joined(&["allowed keys are ", &keys.join(", ")]),
            });
        }
        self
    }

    pub fn list(&self) -> &Check {
        self.unless(self.value.is_missing() || self.value.is_list(), || "allowed is a list".into())
    }

    /// A text of 1 to `limit` characters, none of them a control character.
    pub fn text(&self, limit: usize) -> &Check {
        let text = self.value.text();
        let good = fits(text, limit) && !text.chars().any(is_control);
        self.unless(self.value.is_missing() || good, || {
            joined(&["allowed is a text of 1 to ", &decimal(limit as i64), " characters on one line"])
        })
    }

    /// A text of 1 to `limit` characters that may have several lines.
    pub fn lines(&self, limit: usize) -> &Check {
        self.unless(self.value.is_missing() || fits(self.value.text(), limit), || {
            joined(&["allowed is a text of 1 to ", &decimal(limit as i64), " characters"])
        })
    }

    /// A text, or a list of them.
    pub fn texts(&self, limit: usize) -> &Check {
        self.each(|one| {
            one.text(limit);
        })
    }

    /// One of these texts, or a list of them.
    pub fn any_of(&self, allowed: &[&str]) -> &Check {
        self.each(|one| {
            one.one_of(allowed);
        })
    }

    pub fn one_of(&self, allowed: &[&str]) -> &Check {
        let good = self.value.is_text() && allowed.contains(&self.value.text());
        self.unless(self.value.is_missing() || good, || joined(&["allowed are ", &allowed.join(", ")]))
    }

    pub fn bool(&self) -> &Check {
        let good = matches!(self.value.kind, JsonKind::Missing | JsonKind::Bool);
        self.unless(good, || "allowed are true and false".into())
    }

    /// A whole number within the range, both ends included.
    pub fn integer(&self, from: i32, to: i32) -> &Check {
        let number = self.value.integer(i32::MIN);
        self.unless(self.value.is_missing() || (from <= number && number <= to), || {
            joined(&["allowed is a whole number from ", &decimal(i64::from(from)), " to ", &decimal(i64::from(to))])
        })
    }

    fn unless(&self, good: bool, allowed: impl Fn() -> String) -> &Check {
        if good {
            self
        } else {
            self.refuse(&allowed())
        }
    }

    fn each(&self, check: impl Fn(&Check)) -> &Check {
        if self.value.is_list() {
            for index in 0..self.value.length() {
                check(&self.at(index));
            }
        } else {
            check(self);
        }
        self
    }
}

fn fits(text: &str, limit: usize) -> bool {
    !text.is_empty() && length(text) <= limit
}

fn describe(value: &Json) -> String {
    match value.kind {
        JsonKind::Missing => "nothing".into(),
        JsonKind::List => "a list".into(),
        JsonKind::Object => "an object".into(),
        JsonKind::Text if length(&value.raw) > 60 => quote(&joined(&[&cut(&value.raw, 60), "…"])),
        JsonKind::Text => quote(&value.raw),
        JsonKind::Null | JsonKind::Bool | JsonKind::Number => value.raw.clone(),
    }
}

fn joined(pieces: &[&str]) -> String {
    pieces.concat()
}
