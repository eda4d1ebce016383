package postern

var parsedSettings *Json

// Settings gives the service's settings as the operator wrote them. Readable in every call, configure included.
func Settings() *Json {
	if parsedSettings != nil {
		return parsedSettings
	}
	octets := readConfig("settings")
	if len(octets) == 0 {
		parsedSettings = missing
		return missing
	}
	parsedSettings = ParseJSON(octets)
	if parsedSettings == nil {
		Fail("Cannot read the settings: not JSON, or nested deeper than 64")
	}
	return parsedSettings
}

// Configured ends configure: an empty text says that the settings are good, anything else is shown to the operator.
func Configured(problem string) int32 {
	if problem != "" {
		writeOutput(problem)
	}
	return 0
}
