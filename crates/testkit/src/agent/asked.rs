//! What a request holds, once a vendor's rules have been seen to.

use serde_json::Value;

use super::spot::{Refusal, Spot};

/// What a request asks for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) tools: Vec<Tool>,
    pub(crate) choice: Choice,
    /// Whether several tools may be called at once.
    pub(crate) parallel: bool,
    /// What the text of the answer must fit.
    pub(crate) schema: Option<Value>,
    /// How much of its thoughts the answer is to tell.
    pub(crate) thoughts: Thoughts,
    /// The calls of tools so far, with their results.
    pub(crate) rounds: Vec<Round>,
    /// The kinds of the images and files in it.
    pub(crate) media: Vec<String>,
    /// What the answer repeats of the request.
    pub(crate) repeated: Value,
}

/// A tool and what its arguments must be.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// Whether tools are to be called.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    Free,
    Never,
    /// Some tool must be called.
    Must,
    Only(String),
}

/// How much of its thoughts an answer tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Thoughts {
    /// There are none.
    #[default]
    None,
    /// Their tokens are counted.
    Counted,
    /// They are told sealed only, to be handed back.
    Sealed,
    /// They are told in the open and sealed.
    Told,
}

/// Calls of one answer, and what the tools returned.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) calls: Vec<Called>,
    /// One for each call, in the order of the calls.
    pub(crate) results: Vec<Option<String>>,
}

/// A call as the client handed it back.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) arguments: Value,
    /// Where it stood, for refusals.
    pub(crate) place: String,
}

impl Asked {
    /// Whether tools were called and have all answered.
    pub(crate) fn answered(&self) -> bool {
        let last = self.rounds.last();
        last.is_some_and(|round| round.results.iter().all(Option::is_some))
    }

    /// Each name stands for one tool.
    pub(crate) fn names_are_unique(&self, at: &Spot<'_>) -> Result<(), Refusal> {
        let names: Vec<_> = self.tools.iter().map(|tool| &tool.name).collect();
        let twice = (1..names.len()).find(|index| names[..*index].contains(&names[*index]));
        match twice {
            None => Ok(()),
            Some(index) => Err(at.wrong(format_args!("two tools are named {}", names[index]))),
        }
    }

    /// Only the tools that a choice lists may be called; `named` finds the object with a tool's name.
    pub(crate) fn allow_only(
        &mut self,
        choice: &Spot<'_>,
        named: impl for<'a> Fn(&Spot<'a>) -> Result<Spot<'a>, Refusal>,
    ) -> Result<(), Refusal> {
        choice.one_of("mode", &["auto", "required"])?;
        let mut allowed = Vec::new();
        for tool in choice.want("tools")?.items()? {
            allowed.push(named(&tool)?.want_text("name")?.to_owned());
        }
        self.tools.retain(|tool| allowed.contains(&tool.name));
        Ok(())
    }

    /// A chosen tool is one of the tools.
    pub(crate) fn choice_exists(&self, at: &Spot<'_>) -> Result<(), Refusal> {
        match &self.choice {
            Choice::Only(name) => at.must(
                self.tools.iter().any(|tool| tool.name == *name),
                format_args!("the chosen tool {name} is not among the tools"),
            ),
            Choice::Free | Choice::Never | Choice::Must => Ok(()),
        }
    }
}

impl Round {
    pub(crate) fn of(call: Called) -> Self {
        let mut round = Self::default();
        round.push(call);
        round
    }

    pub(crate) fn push(&mut self, call: Called) {
        self.calls.push(call);
        self.results.push(None);
    }

    /// Puts a result to its call, of which there must be one without a result.
    pub(crate) fn result(&mut self, at: &Spot<'_>, id: &str, text: String) -> Result<(), Refusal> {
        let found = self
            .calls
            .iter()
            .position(|call| call.id.as_deref() == Some(id));
        let Some(index) = found else {
            return Err(at.wrong(format_args!("no call {id} precedes its result")));
        };
        at.must(
            self.results[index].is_none(),
            format_args!("the call {id} has two results"),
        )?;
        self.results[index] = Some(text);
        Ok(())
    }

    /// Refuses if a call has no result.
    pub(crate) fn complete(&self, at: &Spot<'_>) -> Result<(), Refusal> {
        let open = self.results.iter().position(Option::is_none);
        match open {
            None => Ok(()),
            Some(index) => {
                let call = &self.calls[index];
                let name = call.id.as_deref().unwrap_or(&call.name);
                Err(at.wrong(format_args!("the call {name} has no result")))
            }
        }
    }
}

impl Called {
    pub(crate) fn new(at: &Spot<'_>, id: Option<&str>, name: &str, arguments: Value) -> Self {
        Self {
            id: id.map(str::to_owned),
            name: name.to_owned(),
            arguments,
            place: at.place().to_owned(),
        }
    }

    /// A call whose arguments are the text of an object.
    pub(crate) fn from_text(
        at: &Spot<'_>,
        id: &str,
        name: &str,
        arguments: &Spot<'_>,
    ) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_str(arguments.text()?)
            .map_err(|error| arguments.wrong(format_args!("is no JSON: {error}")))?;
        arguments.must(value.is_object(), "is no JSON object")?;
        Ok(Self::new(at, Some(id), name, value))
    }
}
