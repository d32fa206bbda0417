package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/sdk/python"
)

func (a *app) pluginPackCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "pack DIR",
		Short: "Make one .pyz of a Python plugin, the SDK included",
		Long: `pack makes one file of a directory with a __main__.py: a zipapp that the router
pins by its sha256 and runs. The package headgate is added where the directory
has none of its own. The same files give the same bytes.`,
		Args: cobra.ExactArgs(1),
		RunE: do(func(_ *cobra.Command, args []string) error {
			if out == "" {
				dir, err := filepath.Abs(args[0])
				if err != nil {
					return err
				}
				out = dir + ".pyz"
			}
			if err := packPython(args[0], out); err != nil {
				return err
			}
			sum, err := sha256File(out)
			if err != nil {
				return err
			}
			a.printf("%s  %s\n", sum, out)
			return nil
		}),
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`file` to write; DIR.pyz, beside DIR, when empty")
	return cmd
}

// packPython writes a zipapp (PEP 441) of dir and the SDK. Files are in order of
// name and have no times, so the same files give the same bytes.
func packPython(dir, to string) error {
	if !isFile(filepath.Join(dir, "__main__.py")) {
		return fmt.Errorf("%s has no __main__.py: it is where a zipapp begins", dir)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := pack(z, os.DirFS(dir), func(path string) bool { return !strings.HasPrefix(filepath.Base(path), "test_") }); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "headgate")); err != nil {
		if err := pack(z, python.SDK, func(string) bool { return true }); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o644) // it is read, not executed, and holds no secret
}

// pack adds the files of a Python program.
func pack(z *zip.Writer, files fs.FS, wanted func(path string) bool) error {
	return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "__pycache__" {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) == ".pyz" || !d.Type().IsRegular() || !wanted(path) {
			return nil
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: path, Method: zip.Deflate})
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
}

// sha256File is a file's SHA-256 in hexadecimal.
func sha256File(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
