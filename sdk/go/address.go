package postern

import "strings"

// DomainOf gives what is after the last @, empty if there is none (postmaster, the null reverse-path).
func DomainOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	return address[at+1:]
}

// LocalPartOf gives what is before the last @.
func LocalPartOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	return address[:at]
}

// FoldCase gives lower case for ASCII letters, the rest as it is: what domains compare by (RFC 5321 section 2.4).
func FoldCase(text string) string {
	octets := []byte(text)
	foldOctets(octets)
	return string(octets)
}

// The same in place.
func foldOctets(octets []byte) {
	for i, octet := range octets {
		if octet >= 'A' && octet <= 'Z' {
			octets[i] = octet + 0x20
		}
	}
}
