package disk

import "os"

// CopyFile is what Link does where there can be no link.
var CopyFile = copyFile

// NewFile makes a File of what is none.
func NewFile(f *os.File) File { return file{f} }
