//! What `Locked` must be, and what it must not be able to do.

use std::fmt::{Debug, Display};
use std::ops::{Deref, DerefMut};

use orchestra_arena::Locked;

#[test]
fn threads_may_share_it() {
    fn may_be_shared<T: Send + Sync + 'static>() {}
    may_be_shared::<Locked>();
}

/// Compiles only while the type lacks the trait: with it, two impls fit and neither is chosen.
macro_rules! lacks {
    ($name:ident, $($bound:tt)+) => {
        #[test]
        fn $name() {
            trait Fits<Which> {
                fn once() -> bool {
                    true
                }
            }
            struct Has;
            impl<T: ?Sized> Fits<()> for T {}
            impl<T: ?Sized + $($bound)+> Fits<Has> for T {}
            assert!(<Locked as Fits<_>>::once());
        }
    };
}

lacks!(is_not_printed_by_developers, Debug);
lacks!(is_not_printed_for_users, Display);
lacks!(is_not_cloned, Clone);
lacks!(is_not_compared, PartialEq);
lacks!(is_not_ordered, PartialOrd);
lacks!(is_not_hashed, std::hash::Hash);
lacks!(is_not_serialized, serde::Serialize);
lacks!(is_not_dereferenced, Deref);
lacks!(is_not_dereferenced_mutably, DerefMut);
lacks!(is_not_borrowed_unasked, AsRef<[u8]>);
