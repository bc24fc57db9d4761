//! The size of the process' pages.

use orchestra_arena::use_small_pages;

use crate::child;

#[test]
fn huge_pages_are_forbidden() {
    const TEST: &str = "pages::huge_pages_are_forbidden";
    if child::role().is_none() {
        child::told(&mut child::again(TEST, "small pages"));
        return;
    }
    let enabled = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("THP_enabled:"));
        line.unwrap().trim().to_owned()
    };
    use_small_pages().unwrap();
    assert_eq!(enabled(), "0");
}
