package postern

// Log writes lines into Postern's log, under the service's name. What is over the service's log limit is dropped.
var Log logger

type logger struct{}

func (logger) Debug(text string) { extismLogDebug(toExtism(text)) }
func (logger) Info(text string)  { extismLogInfo(toExtism(text)) }
func (logger) Warn(text string)  { extismLogWarn(toExtism(text)) }
func (logger) Error(text string) { extismLogError(toExtism(text)) }
