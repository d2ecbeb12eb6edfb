//! Codecs in one line per field.

/// Encodes structs as maps with integer keys. Keys must be written down in the order in which they are
/// encoded (0, 1, 2, …, then −1, −2, …), so that the declaration reads like the bytes; this is checked
/// when it is compiled. `Name where function` names a function that says what is wrong with a record that was
/// read, if anything is.
///
/// ```
/// struct Point { x: i64, label: Option<String> }
/// carnet_seal::record! { Point { 1 => x, 2 => label } }
///
/// let bytes = carnet_seal::cbor::encode(&Point { x: 7, label: None });
/// assert_eq!(bytes, [0xa1, 0x01, 0x07]);
/// ```
///
/// ```compile_fail
/// struct Point { x: i64, y: i64 }
/// carnet_seal::record! { Point { 2 => x, 1 => y } }
/// ```
#[macro_export]
macro_rules! record {
    ($($name:path $(where $unsound:path)? { $($key:literal => $field:ident),+ $(,)? })+) => {$(
        const _: () = assert!($crate::cbor::in_order(&[$($key),+]), "keys out of order");

        impl $crate::cbor::Claims for $name {
            fn put(&self, map: &mut $crate::cbor::MapWriter) {
                $(map.put($key, &self.$field);)+
            }

            fn take(
                map: &mut $crate::cbor::MapReader<'_>,
            ) -> ::core::result::Result<Self, $crate::cbor::CborError> {
                let claims = Self { $($field: map.take($key)?),+ };
                $(map.check($unsound(&claims))?;)?
                ::core::result::Result::Ok(claims)
            }
        }

        impl $crate::cbor::Cbor for $name {
            fn encode(&self, out: &mut $crate::cbor::Encoder) {
                $crate::cbor::Claims::encode_map(self, out);
            }

            fn decode(
                from: &mut $crate::cbor::Decoder<'_>,
            ) -> ::core::result::Result<Self, $crate::cbor::CborError> {
                $crate::cbor::Claims::decode_map(from)
            }
        }
    )+};
}

/// Encodes enums: a variant without fields as an integer, one with fields as an array that begins with it.
///
/// ```
/// #[derive(Debug, PartialEq)]
/// enum Shape { Point, Circle(u64), Box { width: u64, height: u64 } }
/// carnet_seal::choice! { Shape { 0 => Point, 1 => Circle(radius), 2 => Box { width, height } } }
///
/// use carnet_seal::cbor;
/// assert_eq!(cbor::encode(&Shape::Point), [0x00]);
/// assert_eq!(cbor::encode(&Shape::Circle(5)), [0x82, 0x01, 0x05]);
/// assert_eq!(cbor::decode(&[0x83, 0x02, 0x03, 0x04]), Ok(Shape::Box { width: 3, height: 4 }));
/// ```
#[macro_export]
macro_rules! choice {
    ($($name:path {
        $($number:literal => $variant:ident $({ $($field:ident),+ $(,)? })? $(( $($part:ident),+ ))?),+ $(,)?
    })+) => {$(
        impl $crate::cbor::Cbor for $name {
            fn encode(&self, out: &mut $crate::cbor::Encoder) {
                match self {
                    $(Self::$variant $({ $($field),+ })? $(( $($part),+ ))? => {
                        const FIELDS: &[&str] =
                            &[$($(::core::stringify!($field)),+)? $($(::core::stringify!($part)),+)?];
                        if !FIELDS.is_empty() {
                            out.array(1 + FIELDS.len());
                        }
                        out.u64($number);
                        $($($crate::cbor::Cbor::encode($field, out);)+)?
                        $($($crate::cbor::Cbor::encode($part, out);)+)?
                    })+
                }
            }

            fn decode(
                from: &mut $crate::cbor::Decoder<'_>,
            ) -> ::core::result::Result<Self, $crate::cbor::CborError> {
                let at = from.position();
                let (number, fields) = from.choice()?;
                match number {
                    $($number => {
                        const FIELDS: &[&str] =
                            &[$($(::core::stringify!($field)),+)? $($(::core::stringify!($part)),+)?];
                        if fields != FIELDS.len() as u64 {
                            return ::core::result::Result::Err(
                                $crate::cbor::Fault::Expected(::core::concat!(
                                    "the fields of ", ::core::stringify!($variant)
                                )).at(at),
                            );
                        }
                        $($(let $field = $crate::cbor::Cbor::decode(from)?;)+)?
                        $($(let $part = $crate::cbor::Cbor::decode(from)?;)+)?
                        ::core::result::Result::Ok(Self::$variant $({ $($field),+ })? $(( $($part),+ ))?)
                    })+
                    _ => ::core::result::Result::Err($crate::cbor::Fault::UnknownChoice(number).at(at)),
                }
            }
        }
    )+};
}

/// Encodes structs with one unnamed field as that field.
#[macro_export]
macro_rules! newtype {
    ($($name:path),+ $(,)?) => {$(
        impl $crate::cbor::Cbor for $name {
            fn encode(&self, out: &mut $crate::cbor::Encoder) {
                $crate::cbor::Cbor::encode(&self.0, out);
            }

            fn decode(
                from: &mut $crate::cbor::Decoder<'_>,
            ) -> ::core::result::Result<Self, $crate::cbor::CborError> {
                $crate::cbor::Cbor::decode(from).map(Self)
            }
        }
    )+};
}

/// Encodes names as texts (`as_str`), and reads them under the rules of their `FromStr`.
#[macro_export]
macro_rules! text {
    ($($name:path),+ $(,)?) => {$(
        impl $crate::cbor::Cbor for $name {
            fn encode(&self, out: &mut $crate::cbor::Encoder) {
                out.text(self.as_str());
            }

            fn decode(
                from: &mut $crate::cbor::Decoder<'_>,
            ) -> ::core::result::Result<Self, $crate::cbor::CborError> {
                let at = from.position();
                from.text()?.parse().map_err(|wrong| {
                    $crate::cbor::Fault::Value(::std::string::ToString::to_string(&wrong)).at(at)
                })
            }
        }
    )+};
}
