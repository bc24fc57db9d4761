//! `orchestra simulate`: a configuration against outages, without a key and without a network.

use serde_json::Value;

use crate::place::Place;

const CONFIG: &str = r#"
[[providers]]
kind = "openai"

[[providers]]
kind = "anthropic"

[models]
fast = ["openai/gpt-5-mini", "anthropic/claude-haiku-5-5"]
alone = "openai/gpt-5-mini"
"#;

/// No key, and nowhere to get one.
fn place() -> Place {
    let place = Place::new();
    place.write("orchestra.toml", CONFIG);
    place
}

fn simulated(place: &Place, arguments: &[&str]) -> Value {
    let all = ["simulate", "--json", "--rate", "0.5"]
        .iter()
        .chain(arguments);
    place.run(all.copied()).succeeds().json()
}

fn run<'r>(told: &'r Value, without: &str) -> &'r Value {
    let mut runs = told["runs"].as_array().unwrap().iter();
    let said = |run: &&Value| {
        let names = run["without"].as_array().unwrap();
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        names.join(",") == without
    };
    runs.find(said).unwrap()
}

#[test]
fn what_fallback_is_worth_is_shown() {
    let told = simulated(&place(), &["--model", "fast", "--scenario", "one-out"]);
    let all = run(&told, "");
    assert!(all["calls"].as_u64().unwrap() > 600, "{all}");
    assert_eq!(
        (&all["served"], &all["avoidable"]),
        (&all["calls"], &Value::from(0))
    );
    // A third of the time nobody answers.
    let alone = run(&told, "fallback");
    let share = alone["availability"].as_f64().unwrap();
    assert!((0.6..0.74).contains(&share), "{alone}");
    assert_eq!(alone["targets"][1]["requests"], 0);
    assert_eq!(
        run(&told, "fallback,retries,health,limits,waiting,hold-back")["oracle"],
        1.0
    );
    assert_eq!(told["outages"][0]["trouble"], "refused");
}

/// Claude 4.5 can go on with an answer whose beginning it is given.
#[test]
fn what_going_on_with_streams_is_worth_is_shown() {
    let place = Place::new();
    let config = CONFIG.replace("claude-haiku-5-5", "claude-haiku-4-5");
    place.write(
        "orchestra.toml",
        &format!("{config}\n[recovery]\nenabled = true\n"),
    );
    let asked = ["--model", "fast", "--scenario", "broken-streams"];
    let told = simulated(&place, &asked);
    let (with, without) = (run(&told, ""), run(&told, "recovery"));
    let broken = |run: &Value| run["broken"].as_u64().unwrap();
    assert!(broken(with) == 0 && broken(without) > 50, "{with}{without}");
    // Where no target can, the line says nothing.
    place.write(
        "orchestra.toml",
        &format!("{CONFIG}\n[recovery]\nenabled = true\n"),
    );
    let told = simulated(&place, &asked);
    let runs = told["runs"].as_array().unwrap();
    assert!(
        runs.iter()
            .all(|run| !run["without"].to_string().contains("recovery"))
    );
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let place = place();
    let told = |seed| {
        simulated(
            &place,
            &[
                "--model",
                "fast",
                "--for",
                "10m",
                "--no-comparison",
                "--seed",
                seed,
            ],
        )
    };
    assert_eq!(told("4"), told("4"));
    assert_ne!(told("4")["runs"], told("5")["runs"]);
}

#[test]
fn people_get_tables() {
    let place = place();
    let asked = [
        "simulate",
        "--model",
        "alone",
        "--scenario",
        "hang",
        "--for",
        "15m",
        "--rate",
        "0.2",
    ];
    let shown = place.run(asked).succeeds();
    let shown = shown
        .says("openai/gpt-5-mini")
        .says("as configured")
        .says("without health")
        .says("TURNED AWAY");
    assert!(!shown.stdout.contains("anthropic"), "{}", shown.stdout);
}

#[test]
fn outages_may_be_ones_own() {
    let place = place();
    let table = "target,start,duration,trouble,share\nopenai,1m,2m,status-500,50%\nanthropic/claude-haiku-5-5,2m,1m,429-for-30s,1\n";
    place.write("mine.csv", table);
    let told = simulated(
        &place,
        &[
            "--model",
            "fast",
            "--outages",
            "mine.csv",
            "--no-comparison",
        ],
    );
    assert_eq!(told["seconds"], 780.0);
    assert_eq!(told["outages"][1]["target"], "anthropic/claude-haiku-5-5");
    place.write(
        "wrong.csv",
        "target,start,duration,trouble\nopenai,1m,2m,unwell\n",
    );
    let wrong = ["simulate", "--model", "fast", "--outages", "wrong.csv"];
    place.run(wrong).refuses("line 2, column 4");
}

#[test]
fn providers_are_out_together_as_often_as_is_said() {
    let place = place();
    let told = |together: &[&str]| {
        let asked = [
            "--model",
            "fast",
            "--no-comparison",
            "--for",
            "14d",
            "--rate",
            "0.001",
        ];
        let all: Vec<&str> = asked.iter().chain(together).copied().collect();
        let all = [&["simulate", "--json"], all.as_slice()].concat();
        let told = place.run(all).succeeds().json();
        let together = &told["two_providers_out"];
        assert!(
            together["seconds_by_chance"].as_f64().unwrap() > 0.0,
            "{told}"
        );
        together["seconds"].as_f64().unwrap()
    };
    assert!(told(&["--together", "2.5"]) > told(&["--together", "1"]));
    let asked = [
        "simulate", "--model", "fast", "--for", "2d", "--rate", "0.001",
    ];
    place
        .run(asked)
        .succeeds()
        .says("two providers out at once: ");
    let written = [
        "simulate",
        "--model",
        "fast",
        "--scenario",
        "region",
        "--together",
        "2",
    ];
    place.run(written).refuses("region");
    let too_often = ["simulate", "--model", "fast", "--together", "90"];
    place.run(too_often).refuses("90 times");
}

#[test]
fn a_check_may_ask_for_a_share() {
    let place = place();
    let asked = |least| {
        let out = [
            "simulate",
            "--model",
            "alone",
            "--scenario",
            "one-out",
            "--rate",
            "0.2",
            "--no-comparison",
            "--at-least",
        ];
        place.run(out.into_iter().chain([least]))
    };
    asked("50").succeeds();
    assert_eq!(asked("99").code, Some(1));
}

#[test]
fn what_cannot_be_simulated_is_said() {
    let place = place();
    for (arguments, words) in [
        (vec!["--model", "nobody-has-this"], "nobody-has-this"),
        (
            vec!["--model", "fast", "--capacity", "gemini=3"],
            "anthropic/claude-haiku-5-5",
        ),
        (vec!["--model", "fast", "--capacity", "0"], "above 0"),
        (vec!["--model", "fast", "--rate", "0"], "above 0"),
        (vec!["--model", "fast", "--for", "soon"], "90s"),
        (
            vec!["--model", "fast", "--for", "99999999999h"],
            "up to 366d",
        ),
        (
            vec!["--model", "fast", "--rate", "10000", "--for", "1y"],
            "--rate",
        ),
        (
            vec!["--model", "fast", "--scenario", "sunshine"],
            "severity",
        ),
        (
            vec!["--model", "fast", "--param", "stream=true"],
            "--param stream",
        ),
        (
            vec!["--model", "fast", "--outages", "no-such.csv"],
            "no-such.csv",
        ),
    ] {
        place
            .run(["simulate"].into_iter().chain(arguments))
            .refuses(words);
    }
}
