//! How much of an answer has come.

/// The pieces of an answer that have come, counted as far as somebody wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    come: u32,
    wanted: u32,
}

impl Default for Pieces {
    /// Whether there is any at all.
    fn default() -> Self {
        Self::up_to(1)
    }
}

impl Pieces {
    pub(crate) const fn up_to(wanted: u32) -> Self {
        Self { come: 0, wanted }
    }

    /// Whether what comes next need be looked at.
    pub(crate) const fn are_counted(self) -> bool {
        self.come < self.wanted
    }

    /// Takes something that is a piece, or is not.
    pub(crate) const fn note(&mut self, is_one: bool) {
        if is_one && self.are_counted() {
            self.come += 1;
        }
    }

    pub(crate) const fn come(self) -> u32 {
        self.come
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_counted_than_are_wanted() {
        let mut pieces = Pieces::up_to(2);
        let come: Vec<u32> = [false, true, false, true, true]
            .into_iter()
            .map(|is_one| {
                pieces.note(is_one);
                pieces.come()
            })
            .collect();
        assert_eq!(come, [0, 1, 1, 2, 2]);
        assert!(!pieces.are_counted());
        assert!(Pieces::default().are_counted());
    }
}
