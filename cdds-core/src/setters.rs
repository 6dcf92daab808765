//! Setters of structs that will grow: outside this crate they are made by a constructor and changed field by
//! field.

/// Writes one `with_…` method per field. An optional field takes a value or an option.
macro_rules! setters {
    ($name:ty { $($method:ident => $field:ident: $kind:ident $type:ty;)* }) => {
        impl $name {
            $(setters!(@one $method $field $kind $type);)*
        }
    };
    (@one $method:ident $field:ident value $type:ty) => {
        #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        #[must_use]
        pub fn $method(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    };
    (@one $method:ident $field:ident option $type:ty) => {
        #[doc = concat!("Sets or clears [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        #[must_use]
        pub fn $method(mut self, $field: impl Into<Option<$type>>) -> Self {
            self.$field = $field.into();
            self
        }
    };
}

pub(crate) use setters;
