// Package system tests the program as a user runs it: its binary, a real Apache Kafka and a real
// schema registry, `kill -9` and all. It needs Java and Maven, and is run by `make system`.
//
// Its folders: realkafka and realstores start the servers, and load makes commands; cluster is a program that
// keeps the servers running for trials by hand. The package audit checks the promises G1 to G6 by what the
// topics hold in the end, and rows checks G12 by what the stores of read models have.
//
// TestReadModels makes its schedule of a seed, which it prints. The environment narrows it:
// TEST_SEED=7 TEST_KILLS=10 TEST_STEPS=zombie make system RUN=ReadModels.
package system
