package protobuf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The limits of schemas.
const (
	// MaxTextBytes limits the text of a file and of its imports, together.
	MaxTextBytes = 1 << 20
	// MaxImports limits the files that a file imports, directly or not. Well-known ones don't count.
	MaxImports = 256
	// maxNestedNames limits what the full names of all that is declared in a file take at worst.
	maxNestedNames = 64 << 20
)

// File is a .proto file with what it imports. It is safe for concurrent use.
type File struct {
	text string
	desc linker.File
}

// Parse returns the file that a text describes. Imports are the texts of other files by their import paths,
// those that they import in turn included. The files of google/protobuf need not be among them, nor those of
// confluent and some of google/type: the money, date and time types.
//
// The name is that of the file, such as order.proto; an empty one is as good. The error says what is wrong
// with the text, at which line and column, or which import is missing.
func Parse(name, text string, imports map[string]string) (f *File, err error) {
	defer func() { // the compiler's own goroutines are recovered by it
		if p := recover(); p != nil {
			f, err = nil, fmt.Errorf("parse a Protobuf schema: panic: %v", p)
		}
	}()
	if name == "" {
		name = "schema.proto"
	}
	if strings.HasPrefix(name, standardFolder) {
		return nil, fmt.Errorf("parse a Protobuf schema: %s is a file of the Protobuf library", name)
	}
	if err := checkTexts(text, imports); err != nil {
		return nil, fmt.Errorf("parse a Protobuf schema: %w", err)
	}
	compiler := protocompile.Compiler{
		Resolver:       sources{name: name, text: text, imports: imports},
		MaxParallelism: 1,
		SourceInfoMode: protocompile.SourceInfoStandard, // for comments
	}
	files, err := compiler.Compile(context.Background(), name)
	if err != nil {
		if p, is := errors.AsType[protocompile.PanicError](err); is {
			err = fmt.Errorf("panic: %v", p.Value) // without the stack
		}
		return nil, fmt.Errorf("parse a Protobuf schema: %w", err)
	}
	return &File{text: text, desc: files[0]}, nil
}

// checkTexts refuses texts that would take much more memory than their size lets expect.
func checkTexts(text string, imports map[string]string) error {
	if len(imports) > MaxImports {
		return fmt.Errorf("%d imports, at most %d are allowed", len(imports), MaxImports)
	}
	total := len(text)
	for path, imported := range imports {
		total += len(imported)
		if err := checkNames(imported); err != nil {
			return fmt.Errorf("import %q: %w", path, err)
		}
	}
	if total > MaxTextBytes {
		return fmt.Errorf("%d bytes of text with its imports, at most %d are allowed", total, MaxTextBytes)
	}
	return checkNames(text)
}

// checkNames limits the full names: whatever is declared has those of all messages around it in its own.
func checkNames(text string) error {
	declared, longest, run := 0, 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == ';' || c == '{' || c == ',':
			declared++
			run = 0
		case c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			run++
			longest = max(longest, run)
		default:
			run = 0
		}
	}
	const deepest = 32 // messages within messages, to the compiler
	if longest > maxNestedNames/deepest/max(declared, 1) {
		return fmt.Errorf("%d declarations with names of up to %d bytes are too many", declared, longest)
	}
	return nil
}

// Text returns the text of the file, without its imports.
func (f *File) Text() string { return f.text }

// Descriptor returns the file as the Protobuf library describes it, with its comments.
func (f *File) Descriptor() protoreflect.FileDescriptor { return f.desc }

// Message returns the message that indexes lead to, as they stand in front of Confluent's records: the place
// of a message in the file, of one within it, and so on.
func (f *File) Message(indexes []int) (*Type, error) {
	if len(indexes) == 0 {
		indexes = []int{0}
	}
	var within interface {
		Messages() protoreflect.MessageDescriptors
	} = f.desc
	var found protoreflect.MessageDescriptor
	for depth, at := range indexes {
		all := declared(within.Messages())
		if at < 0 || at >= len(all) {
			return nil, fmt.Errorf("the message indexes %v lead nowhere: %s has %d messages",
				indexes, describePlace(f, found), len(all))
		}
		if depth >= MaxIndexes {
			return nil, errTooManyIndexes
		}
		found = all[at]
		within = found
	}
	return newType(f, found, slices.Clone(indexes)), nil
}

func describePlace(f *File, m protoreflect.MessageDescriptor) string {
	if m == nil {
		return "the file " + f.desc.Path()
	}
	return string(m.FullName())
}

// MessageNamed returns a message that the file declares by its full name, such as shop.v1.Order. An empty
// name means the first message. The error lists the messages that there are.
func (f *File) MessageNamed(fullName string) (*Type, error) {
	if fullName == "" {
		return f.Message(nil)
	}
	for _, t := range f.Messages() {
		if t.FullName() == fullName {
			return t, nil
		}
	}
	var names []string
	for _, t := range f.Messages() {
		names = append(names, t.FullName())
	}
	const most = 20
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return nil, fmt.Errorf("there is no message %s in the schema; it has %s", fullName,
		strings.Join(names, ", "))
}

// Messages returns all messages that the file declares, each before those within it. Map entries are none.
func (f *File) Messages() []*Type {
	var all []*Type
	var visit func(of protoreflect.MessageDescriptors, above []int)
	visit = func(of protoreflect.MessageDescriptors, above []int) {
		for i, m := range declared(of) {
			indexes := append(slices.Clone(above), i)
			all = append(all, newType(f, m, indexes))
			visit(m.Messages(), indexes)
		}
	}
	visit(f.desc.Messages(), nil)
	return all
}

// declared returns the messages without the entries of maps. Confluent's Java client, which works on the
// text, does not count these, though descriptors have them.
func declared(of protoreflect.MessageDescriptors) []protoreflect.MessageDescriptor {
	var all []protoreflect.MessageDescriptor
	for i := range of.Len() {
		if m := of.Get(i); !m.IsMapEntry() {
			all = append(all, m)
		}
	}
	return all
}
