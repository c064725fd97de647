package protobuf

import (
	"strings"

	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// messages finds the types of messages that a google.protobuf.Any may hold.
type messages struct{ linker.Resolver }

// resolver knows what the file and its imports declare, and the well-known types.
func (f *File) resolver() messages { return messages{linker.ResolverFromFile(f.desc)} }

// FindMessageByURL returns the type behind the last slash.
func (r messages) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	name := protoreflect.FullName(url[strings.LastIndexByte(url, '/')+1:])
	if found, err := r.FindDescriptorByName(name); err == nil {
		if m, is := found.(protoreflect.MessageDescriptor); is {
			return dynamicpb.NewMessageType(m), nil
		}
	}
	if strings.HasPrefix(string(name), "google.protobuf.") {
		return protoregistry.GlobalTypes.FindMessageByName(name) //nolint:wrapcheck // the caller says which
	}
	return nil, protoregistry.NotFound
}
