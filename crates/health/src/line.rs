//! Those who wait, in the order in which they get what they wait for.

use std::collections::VecDeque;
use std::time::Duration;

/// How much a call matters when there is not room for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Somebody waits for it, or it is worth more.
    High,
    /// As good as any.
    #[default]
    Normal,
    /// It can be made again later: the first to be turned away.
    Low,
}

impl Priority {
    /// All of them, the highest first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// One word, as clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// The priority that is called so.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str().eq_ignore_ascii_case(word))
    }

    /// Places that this class gets for each one of the lowest while all wait: higher ones come first, and lower ones are
    /// slowed down, not stopped.
    const fn weight(self) -> i32 {
        match self {
            Self::High => 16,
            Self::Normal => 4,
            Self::Low => 1,
        }
    }
}

/// How a line is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many may wait in it.
    pub most: usize,
    /// A line that has not been empty for so long is no burst, but a crowd.
    pub standing: Duration,
}

/// Those who wait for one thing.
///
/// Between classes the higher one comes first, but for a place now and then, so that nobody waits for ever. Within a class who
/// came first does, as long as that is a burst; in a crowd who came last, since those who have waited long will be gone soon,
/// and if all wait for as long as they can bear, all are served badly.
#[derive(Debug)]
pub struct Line<W> {
    classes: [Class<W>; 3],
}

#[derive(Debug)]
struct Class<W> {
    waiting: VecDeque<W>,
    /// How far it is behind its share.
    credit: i32,
    /// Since when there has always been somebody of this class or a higher one; `None` if there is nobody.
    busy_since: Option<Duration>,
}

impl<W> Default for Class<W> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            credit: 0,
            busy_since: None,
        }
    }
}

impl<W> Default for Line<W> {
    fn default() -> Self {
        Self {
            classes: std::array::from_fn(|_| Class::default()),
        }
    }
}

impl<W> Line<W> {
    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.classes.iter().map(|class| class.waiting.len()).sum()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.waiting.is_empty())
    }

    /// Takes one more in.
    pub fn push(&mut self, one: W, priority: Priority, now: Duration) {
        for class in &mut self.classes[priority as usize..] {
            class.busy_since.get_or_insert(now);
        }
        self.classes[priority as usize].waiting.push_back(one);
    }

    /// For how long there has always been somebody who is served before a newcomer of this priority: a line that does not
    /// get empty is no burst any more.
    #[must_use]
    pub fn busy_for(&self, priority: Priority, now: Duration) -> Duration {
        let since = self.classes[priority as usize].busy_since;
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Who would be served next in most cases: somebody of the highest class that waits.
    #[must_use]
    pub fn first(&self) -> Option<&W> {
        self.classes.iter().find_map(|class| class.waiting.front())
    }

    /// Lets the next one go. `standing` is [`Bounds::standing`].
    pub fn pop(&mut self, standing: Duration, now: Duration) -> Option<W> {
        let waiting = |class: &Class<W>| !class.waiting.is_empty();
        let mut shared = 0;
        for (class, priority) in self.classes.iter_mut().zip(Priority::ALL) {
            if waiting(class) {
                class.credit += priority.weight();
                shared += priority.weight();
            }
        }
        // Of equals the first, which is the higher class.
        let mut next: Option<usize> = None;
        for (at, class) in self.classes.iter().enumerate() {
            let ahead = next.is_none_or(|next| class.credit > self.classes[next].credit);
            if waiting(class) && ahead {
                next = Some(at);
            }
        }
        let class = &mut self.classes[next?];
        class.credit -= shared;
        let since = class.busy_since.unwrap_or(now);
        let one = if now.saturating_sub(since) >= standing {
            class.waiting.pop_back()
        } else {
            class.waiting.pop_front()
        };
        self.settle();
        one
    }

    /// Sends the newest of those away that matter less than this priority, the lowest class first.
    pub fn displace(&mut self, by: Priority) -> Option<W> {
        let lower = &mut self.classes[by as usize + 1..];
        let one = lower.iter_mut().rev().find_map(|c| c.waiting.pop_back());
        self.settle();
        one
    }

    /// Lets those go for whom this is true.
    pub fn remove(&mut self, mut goes: impl FnMut(&W) -> bool) {
        for class in &mut self.classes {
            class.waiting.retain(|one| !goes(one));
        }
        self.settle();
    }

    /// Forgets what was of classes in which nobody waits any more.
    fn settle(&mut self) {
        let mut empty = true;
        for class in &mut self.classes {
            if class.waiting.is_empty() {
                class.credit = 0;
            } else {
                empty = false;
            }
            if empty {
                class.busy_since = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const STANDING: Duration = Duration::from_secs(100);

    fn pop<W>(line: &mut Line<W>) -> Option<W> {
        line.pop(STANDING, at(1))
    }

    fn popped(line: &mut Line<(Priority, u32)>) -> Vec<(Priority, u32)> {
        std::iter::from_fn(|| pop(line)).collect()
    }

    #[test]
    fn who_came_last_is_first_in_a_line_that_does_not_get_empty() {
        let mut line = Line::default();
        for number in 0..6 {
            line.push(number, Priority::Normal, at(number));
        }
        let mut pop = |now| line.pop(at(50), at(now));
        assert_eq!((pop(49), pop(50), pop(60)), (Some(0), Some(5), Some(4)));
        while pop(60).is_some() {}
        for number in 6..8 {
            line.push(number, Priority::Normal, at(61));
        }
        assert_eq!(line.pop(at(50), at(62)), Some(6), "a new burst");
    }

    #[test]
    fn the_higher_class_comes_first_and_the_lower_one_gets_its_share() {
        let mut line = Line::default();
        for number in 0..210 {
            for priority in Priority::ALL.into_iter().rev() {
                line.push((priority, number), priority, at(1));
            }
        }
        let first: Vec<Priority> = (0..210).filter_map(|_| Some(pop(&mut line)?.0)).collect();
        assert_eq!(first[0], Priority::High);
        let count = |of| first.iter().filter(|one| **one == of).count();
        assert_eq!(
            Priority::ALL.map(count),
            [160, 40, 10],
            "16 to 4 to 1 of 210"
        );
    }

    #[test]
    fn a_class_alone_gets_everything_in_its_order() {
        let mut line = Line::default();
        for number in 0..5 {
            line.push((Priority::Low, number), Priority::Low, at(1));
        }
        let order: Vec<u32> = popped(&mut line).into_iter().map(|(_, n)| n).collect();
        assert_eq!(order, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_newest_of_the_lowest_makes_room_for_a_higher_one_alone() {
        let mut line = Line::default();
        for (number, priority) in [
            (0, Priority::Low),
            (1, Priority::Normal),
            (2, Priority::Low),
        ] {
            line.push((priority, number), priority, at(1));
        }
        assert_eq!(line.displace(Priority::Low), None);
        assert_eq!(line.displace(Priority::High), Some((Priority::Low, 2)));
        assert_eq!(line.displace(Priority::Normal), Some((Priority::Low, 0)));
        assert_eq!(line.displace(Priority::Normal), None);
        assert_eq!(line.displace(Priority::High), Some((Priority::Normal, 1)));
        assert!(line.is_empty());
    }

    #[test]
    fn a_line_is_busy_for_a_class_since_nobody_was_before_it() {
        let mut line = Line::default();
        line.push('l', Priority::Low, at(10));
        assert_eq!(line.busy_for(Priority::Low, at(15)), at(5));
        assert_eq!(line.busy_for(Priority::High, at(15)), at(0));
        line.push('h', Priority::High, at(20));
        assert_eq!(line.busy_for(Priority::Normal, at(25)), at(5));
        assert_eq!(pop(&mut line), Some('h'));
        assert_eq!(line.busy_for(Priority::High, at(25)), at(0));
        assert_eq!(line.busy_for(Priority::Low, at(25)), at(15));
        line.remove(|one| *one == 'l');
        assert_eq!(line.busy_for(Priority::Low, at(30)), at(0));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for priority in Priority::ALL {
            assert_eq!(Priority::parse(priority.as_str()), Some(priority));
        }
        assert_eq!(Priority::parse("HIGH"), Some(Priority::High));
        assert_eq!(Priority::parse("urgent"), None);
    }

    proptest! {
        /// Nobody is lost or served twice, and within a class nobody overtakes.
        #[test]
        fn everybody_is_served_once_and_in_their_order(steps in prop::collection::vec((0_usize..3, any::<bool>()), 0..200)) {
            let mut line = Line::default();
            let mut served = Vec::new();
            let mut came = 0;
            for (class, comes) in steps {
                if comes {
                    line.push((Priority::ALL[class], came), Priority::ALL[class], at(1));
                    came += 1;
                } else {
                    served.extend(pop(&mut line));
                }
            }
            served.extend(popped(&mut line));
            for priority in Priority::ALL {
                let of: Vec<u32> = served.iter().filter(|one| one.0 == priority).map(|one| one.1).collect();
                prop_assert!(of.is_sorted());
            }
            let mut numbers: Vec<u32> = served.into_iter().map(|one| one.1).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..came).collect::<Vec<_>>());
        }
    }
}
