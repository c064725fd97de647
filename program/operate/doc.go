// Package operate is the commands about an installation: its topics, schemas and transactions, its dead
// letters, and its tables, which are verified, rebuilt and reset. They are flags and printing; packages
// operator, inventory, deadletters and rebuild do the work.
package operate
