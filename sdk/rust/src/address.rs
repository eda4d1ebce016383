use alloc::string::String;

/// What is after the last `@`, empty if there is none (`postmaster`, the null reverse-path).
pub fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// What is before the last `@`.
pub fn local_part_of(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(local, _)| local)
}

/// Lower case for ASCII letters, the rest as it is: what domains compare by (RFC 5321 section 2.4).
pub fn fold_case(text: &str) -> String {
    text.to_ascii_lowercase()
}
