//! The whole system from outside: the vendors' own clients, the real server and scripted
//! providers, each in a process of its own.
//!
//! `cargo xtask test` builds the server, installs the clients and says where they are. A
//! test that misses one of them fails and says so; none is skipped.

mod answers;
mod anywhere;
mod double;
mod failures;
mod fallback;
mod harness;
mod leaving;
mod portkey;
mod process;
mod readme;
mod recovery;
mod schemas;
mod tls;

/// Makes a test for each of the given clients, in a module of its own.
macro_rules! for_clients {
    ($check:ident: $($test:ident = $client:ident),+ $(,)?) => {
        mod $check {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$check(crate::harness::Client::$client).await;
                }
            )+
        }
    };
    ($check:ident) => {
        crate::for_clients!(
            $check: openai_python = OpenAiPython, openai_node = OpenAiNode,
            anthropic_python = AnthropicPython, anthropic_node = AnthropicNode,
        );
    };
}
use for_clients;
