// Command protogen makes Go code of .proto files on a machine that has Go and nothing else: protocompile
// reads them, and protoc-gen-go, of the version in go.mod, writes the code. For a package of one's own:
//
//	//go:generate go run refold/codecs/protobuf/protogen meters/meters.proto
//
// Files are named by their paths from the current folder, and so are those that they import; the code of
// each is written beside it. With -check nothing is written: the exit code is 1 if a file is not what would
// be.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	check := flag.Bool("check", false, "write nothing; fail if the code is not what would be written")
	flag.Parse()
	if err := run(context.Background(), *check, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check bool, names []string) error {
	if len(names) == 0 {
		return errors.New("name the .proto files, by their paths from the current folder")
	}
	request, err := compile(ctx, names)
	if err != nil {
		return err
	}
	files, err := generate(ctx, request)
	if err != nil {
		return err
	}
	for _, file := range files {
		name, content := filepath.FromSlash(file.GetName()), []byte(file.GetContent())
		if check {
			have, err := os.ReadFile(name)
			if err != nil || !bytes.Equal(have, content) {
				return fmt.Errorf("%s is not what its .proto file says: make it again, without -check", name)
			}
			continue
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err //nolint:wrapcheck // it names the file
		}
	}
	return nil
}

// compile returns what a plugin of protoc is asked.
func compile(ctx context.Context, names []string) (*pluginpb.CodeGeneratorRequest, error) {
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("read the .proto files: %w", err)
	}
	request := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: names, Parameter: proto.String("paths=source_relative"),
	}
	added := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if added[file.Path()] {
			return
		}
		added[file.Path()] = true
		for i := range file.Imports().Len() { // each before those that import it
			add(file.Imports().Get(i).FileDescriptor)
		}
		request.ProtoFile = append(request.ProtoFile, descriptorOf(file))
	}
	for _, file := range files {
		add(file)
	}
	return request, nil
}

func descriptorOf(file protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	return protodesc.ToFileDescriptorProto(file)
}

// generate asks protoc-gen-go.
func generate(
	ctx context.Context, request *pluginpb.CodeGeneratorRequest,
) ([]*pluginpb.CodeGeneratorResponse_File, error) {
	in, err := proto.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("ask protoc-gen-go: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "run", "google.golang.org/protobuf/cmd/protoc-gen-go")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run protoc-gen-go: %w", err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return nil, fmt.Errorf("read what protoc-gen-go has answered: %w", err)
	}
	if response.Error != nil {
		return nil, fmt.Errorf("protoc-gen-go: %s", response.GetError())
	}
	return response.GetFile(), nil
}
