// Package released keeps schemas that were released in a folder, which belongs into the repository of the
// program: <Namespace.Record>/<version>.avsc, and beside each the bytes of an example, <version>.bin. What
// was released is never changed: the file SHA256SUMS has a line for each file, in the form of sha256sum, and
// a folder that differs from it is refused. Checksums were chosen over a comparison with the last commit,
// because an edit that is committed would be the last commit; so a line of SHA256SUMS that changes in a
// review is the sign. It knows no registry and no Go types.
package released
