package plugin

// NewLines is the log that Serve sets up, over any writer.
var NewLines = newLines
