// Package testpb has messages for the tests of package codecs. Its code is made by "make protobuf".
package testpb
