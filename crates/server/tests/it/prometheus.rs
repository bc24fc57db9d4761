//! A strict reader of Prometheus' text format 0.0.4, which refuses what a lenient one would let pass: families in
//! pieces, samples without a type, doubles, buckets that fall.

use std::collections::{BTreeMap, HashSet};

/// A sample: its name, its labels in their order, its value.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Sample {
    fn has(&self, wanted: &[(&str, &str)]) -> bool {
        let has = |(name, value): &(&str, &str)| {
            let mut labels = self.labels.iter();
            labels.any(|(n, v)| n == name && v == value)
        };
        wanted.iter().all(has)
    }
}

/// A whole text, checked.
#[derive(Debug)]
pub(crate) struct Exposition {
    pub(crate) types: BTreeMap<String, String>,
    pub(crate) samples: Vec<Sample>,
}

impl Exposition {
    /// Reads a text, and panics at what is wrong in it.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut read = Self {
            types: BTreeMap::new(),
            samples: Vec::new(),
        };
        let mut family = String::new();
        let mut helped = HashSet::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect(line);
                assert!(
                    !words.is_empty() && helped.insert(name.to_owned()),
                    "{line}"
                );
                name.clone_into(&mut family);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect(line);
                assert_eq!(name, family, "TYPE without HELP: {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                let before = read.types.insert(name.to_owned(), kind.to_owned());
                assert!(before.is_none(), "a family in two pieces: {line}");
            } else {
                let sample = sample(line);
                read.check_family(&sample, &family);
                read.samples.push(sample);
            }
        }
        read.check_doubles();
        read.check_histograms();
        read
    }

    fn check_family(&self, sample: &Sample, family: &str) {
        let kind = self.types.get(family).expect("a sample before any family");
        let suffix = sample.name.strip_prefix(family);
        let suffix = suffix.unwrap_or_else(|| panic!("{} within {family}", sample.name));
        let allowed: &[&str] = match kind.as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        assert!(allowed.contains(&suffix), "{} within {family}", sample.name);
        assert!(kind == "gauge" || sample.value >= 0.0, "{sample:?}");
    }

    fn check_doubles(&self) {
        let mut seen = HashSet::new();
        for sample in &self.samples {
            let mut labels = sample.labels.clone();
            labels.sort();
            assert!(
                seen.insert((sample.name.clone(), labels)),
                "twice: {sample:?}"
            );
        }
    }

    /// Buckets rise in bound and count, the last is `+Inf`, and the count is as large.
    fn check_histograms(&self) {
        for (family, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
            for sample in self.named(&format!("{family}_bucket")) {
                let (end, rest) = sample.labels.split_last().expect("a bucket has labels");
                assert_eq!(end.0, "le", "{sample:?}");
                let buckets = series.entry(format!("{rest:?}")).or_default();
                buckets.push((number(&end.1), sample.value));
            }
            for (labels, buckets) in &series {
                let rising = buckets.is_sorted_by(|(a, m), (b, n)| a < b && m <= n);
                assert!(rising, "{family} {labels}: {buckets:?}");
                let (end, count) = *buckets.last().expect("there is one");
                assert!(end.is_infinite(), "{family} {labels} has no +Inf");
                for (suffix, wanted) in [("_count", Some(count)), ("_sum", None)] {
                    let name = format!("{family}{suffix}");
                    let found = self.named(&name);
                    let mut found =
                        found.filter(|s| format!("{:?}", s.labels.as_slice()) == *labels);
                    let value = found.next().map(|sample| sample.value);
                    assert!(value.is_some() && (wanted.is_none() || value == wanted));
                }
            }
        }
    }

    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.name == name)
    }

    /// The sum over all samples of this name with these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let fitting = self.named(name).filter(|sample| sample.has(labels));
        fitting.map(|sample| sample.value).sum()
    }
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => text.parse().unwrap_or_else(|_| panic!("no number: {text}")),
    }
}

fn is_name(text: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(sound) && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn sample(line: &str) -> Sample {
    let at = line.find(['{', ' ']).expect(line);
    let (name, rest) = line.split_at(at);
    assert!(is_name(name), "{line}");
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest, line),
        None => (Vec::new(), rest),
    };
    let value = value.strip_prefix(' ').expect(line);
    Sample {
        name: name.to_owned(),
        labels,
        value: number(value),
    }
}

/// The labels, and what stands behind the brace that ends them.
fn labels<'t>(mut rest: &'t str, line: &str) -> (Vec<(String, String)>, &'t str) {
    let mut labels: Vec<(String, String)> = Vec::new();
    loop {
        let (name, behind) = rest.split_once("=\"").expect(line);
        assert!(is_name(name), "{line}");
        assert!(labels.iter().all(|(known, _)| known != name), "{line}");
        let (value, behind) = quoted(behind, line);
        labels.push((name.to_owned(), value));
        if let Some(behind) = behind.strip_prefix('}') {
            return (labels, behind);
        }
        rest = behind.strip_prefix(',').expect(line);
    }
}

fn quoted<'t>(text: &'t str, line: &str) -> (String, &'t str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().expect(line).1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                c => panic!("\\{c} means nothing: {line}"),
            }),
            c => value.push(c),
        }
    }
    panic!("a value without an end: {line}")
}

#[test]
fn what_is_wrong_is_not_let_pass() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"\\\"\\\\\\n\"} 1\n";
    assert_eq!(Exposition::read(good).samples[0].labels[0].1, "\"\\\n");
    for bad in [
        "a_total 1\n",
        "# HELP a A.\n# TYPE a counter\na 1\n",
        "# HELP a A.\n# TYPE a gauge\nb 1\n",
        "# HELP a A.\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a A.\n# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
        "# HELP a A.\n# TYPE a gauge\na{x=\"1} 1\n",
        "# HELP a A.\n# TYPE a gauge\na one\n",
        "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
    ] {
        let read = std::panic::catch_unwind(|| Exposition::read(bad));
        assert!(read.is_err(), "let pass: {bad}");
    }
}
