# Everything that is done to Refold by hand or by CI. `make` lists the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-builtin-rules

# Tools are built from source at a pinned version and kept outside the repository.
CACHE    := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/refold
GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(CACHE)/tools/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint

# What may be set: make fuzz FUZZTIME=1m, make bench-go BENCH=Encode, make system RUN=Zombie,
# make bench ONLY=cpu,latency SUBJECTS=engine,accounts ROUNDS=3 SCALE=0.1 NOTE="not alone",
# make chaos MINUTES=60 SEED=7, make simulate SEEDS=10000, make simulate SEED=17 FAULTS=0,3.
FUZZTIME ?= 10s
BENCH    ?= .
ONLY     ?=
SUBJECTS ?=
ROUNDS   ?= 5
SCALE    ?= 1
NOTE     ?=
RUN      ?= .
MINUTES  ?= 10
PROTECTIONS ?= fencing offsets rows lease projections
SIMULATED_PROTECTIONS ?= $(filter-out projections,$(PROTECTIONS)) topics standbys
# Without a seed of one's own it changes with the commit, and is printed.
SEED     ?= $(shell printf '%d' 0x$$(git rev-parse --short=8 HEAD 2>/dev/null || echo 1))
# A seed that is named is the only one.
SEEDS    ?= $(if $(filter command environment,$(origin SEED)),1,200)
FAULTS   ?=
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## start everything in one process: embedded Kafka, worker, HTTP on :8080, sample load
	go run ./cmd/processor dev

.PHONY: build
build: bin/processor bin/audit ## build the program, and the one that checks it, into bin/

# go build knows better than make what is out of date, so it is always asked.
.PHONY: bin/processor bin/audit bin/bench
bin/processor:
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$(VERSION)" -o $@ ./cmd/processor
bin/audit:
	CGO_ENABLED=0 go build -trimpath -o $@ ./cmd/audit
bin/bench:
	CGO_ENABLED=0 go build -trimpath -tags system -o $@ ./system/bench

# Package program comes first, since its tests take longest and mostly wait; so does a third package beside it.
# The race detector needs cgo, which Go switches off by itself where there is no C compiler.
.PHONY: test
test: ## run the tests that need nothing but Go, without those of test-stores
	@race=-race; \
	if [ "$$(go env CGO_ENABLED)" != 1 ]; then \
		race=; echo "no C compiler here: testing without the race detector"; \
	fi; \
	set -x; go test $$race -shuffle=on -timeout 20m -p 3 ./program \
		$$(go list ./... | grep -v '$(STORES)')

# The stores of read models, each held to all promises of a store: half a minute of its own.
STORES = /projections/\(sqlite\|redis\|opensearch\)$$
.PHONY: test-stores
test-stores: ## run the tests of read models' stores that need no server
	go test -race -shuffle=on -timeout 10m $$(go list ./... | grep '$(STORES)')

# A module of its own, as somebody has it who uses Refold.
.PHONY: examples
examples: ## build and test the modules in examples/
	@for module in examples/*/; do \
		(set -x; cd "$$module" && go vet ./... && go test -shuffle=on ./...); \
	done

# What was released is frozen in a folder, with checksums: a released file that was edited fails.
RELEASED := processors/schemas/released

.PHONY: schemas
schemas: ## show what changed in schemas since the last release; fail on breaks, edits and bad style
	go run ./cmd/processor schemas check --against $(RELEASED) --config processors/schemas/compatibility.yaml
	go run ./cmd/processor schemas lint

.PHONY: schemas-freeze
schemas-freeze: ## add today's schemas to the released ones; a step of a release
	go run ./cmd/processor schemas freeze $(RELEASED)

# Generated code, with Go and nothing else. -check (in CHECK) writes nothing, and fails if code is stale.
CHECK ?=
.PHONY: protobuf
protobuf: ## make the Go code of .proto files again (CHECK=-check: fail if it is stale)
	go run ./codecs/protobuf/protogen $(CHECK) \
		codecs/internal/testpb/meter.proto codecs/internal/testpb/tariff.proto
	generator=$$(go list ./codecs/protobuf/protogen) && \
		cd examples/formats && go run "$$generator" $(CHECK) meters/meters.proto

# Pages of the console. Generated code is committed, so that go build needs no generator.
TEMPL := go run github.com/a-h/templ/cmd/templ@v0.3.1100
.PHONY: templ
templ: ## make the Go code of .templ files again (CHECK=-check: fail if it is stale)
ifeq ($(CHECK),)
	cd console && $(TEMPL) generate
else
	@made=$$(mktemp -d); trap 'rm -r "$$made"' EXIT; \
	cp -r console "$$made/" && (cd "$$made/console" && $(TEMPL) generate >/dev/null 2>&1) && \
	diff -r console "$$made/console" || { echo "stale: run make templ"; exit 1; }
endif

.PHONY: catalogue
catalogue: ## write docs/catalogue: what accounts and orders take and emit
	go run ./cmd/processor schemas docs --against $(RELEASED) --config processors/schemas/compatibility.yaml \
		--out docs/catalogue/

.PHONY: lint
lint: $(GOLANGCI) ## run the linters of .golangci.yml
	$(GOLANGCI) run ./...

.PHONY: fmt
fmt: $(GOLANGCI) ## format the code as lint wants it
	$(GOLANGCI) fmt ./...

$(GOLANGCI):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

.PHONY: system
system: bin/processor ## test against real servers (needs JDK 21+, Maven, Postgres, Redis)
	go test -tags system -count=1 -timeout 40m -p 1 -v -run '$(RUN)' ./system/...
	go test -tags system -count=1 -timeout 10m -v -run '^TestApicurio' ./codecs
	go test -tags system -count=1 -timeout 10m -p 1 -v -run '$(RUN)' ./projections/postgres
	go test -tags system -count=1 -timeout 10m -p 1 -v -run '^TestReal' ./projections/redis ./projections/opensearch
	TEST_REBALANCES=500 go test -count=1 -timeout 10m -v -run '^TestRebalancesLeaveNothing$$' ./worker

.PHONY: chaos
chaos: bin/processor ## let brokers, workers, disks and network fail for MINUTES (10) by a SEED
	go build -tags system -o bin/chaos ./system/chaos
	exec bin/chaos -minutes '$(MINUTES)' -seed '$(SEED)'

# The program is built without one of its protections, in turn, and chaos has to notice.
.PHONY: chaos-proof
chaos-proof: ## prove that chaos finds what a program without its protections breaks
	CGO_ENABLED=0 go build -trimpath -tags faulty -o bin/processor-faulty ./cmd/processor
	go build -tags system -o bin/chaos ./system/chaos
	for off in $(PROTECTIONS); do \
		faults=$$(case $$off in offsets) echo kill-worker;; fencing|lease) echo pause-worker;; \
			projections) echo kill-worker,pause-worker,kill-store;; \
			*) echo cut,cut-answers,lose-answers,pause-worker;; esac); \
		echo "== without $$off: $$faults"; \
		rate=$$(case $$off in lease) echo 40;; *) echo 100;; esac); \
		FAULTY=$$off bin/chaos -program bin/processor-faulty -expect-breach -only $$faults \
			-minutes 1.5 -rate $$rate -seed '$(SEED)'; \
	done

.PHONY: simulate
simulate: ## run engine, stores and reads through SEEDS (200) schedules of faults in simulated time
	go test -count=1 -timeout 0 -v -run '^TestSimulate$$' ./exactlyonce/simulate \
		-for 0 -seed '$(SEED)' -seeds '$(SEEDS)' -faults '$(FAULTS)'

.PHONY: simulate-proof
simulate-proof: ## prove the simulator: without one of the protections, it finds a breach
	@for off in $(SIMULATED_PROTECTIONS); do \
		FAULTY=$$off go test -tags faulty -count=1 -timeout 5m -v -run '^TestFaulty$$' \
			./exactlyonce/simulate -seed '$(SEED)' -seeds 100; \
	done
	FAULTY=fencing go test -tags faulty -count=1 -v -run '^TestBetweenFaulty' ./exactlyonce
	FAULTY=ends go test -tags faulty -count=1 -v -run '^TestFaultyLateEnd$$' ./exactlyonce/simulate
	FAULTY=projections go test -tags faulty -count=1 -v -run '^TestWriteFaulty$$' ./projections/sqlite
	FAULTY=start go test -tags faulty -count=1 -v -run '^TestStartFaulty$$' ./exactlyonce

.PHONY: kafka
kafka: ## start a real Kafka on :9092 and a schema registry on :8081 (needs Java 21+, Maven)
	go run -tags system ./system/cluster

# The go tool fuzzes one target at a time.
.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (10s)
	@go list ./... | while read -r package; do \
		{ go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true; } | while read -r target; do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
		done; \
	done

.PHONY: bench
bench: bin/processor bin/bench ## compare with Kafka Streams into docs/BENCHMARKS.md (needs JDK 21+, Maven)
	exec bin/bench -only '$(ONLY)' -subjects '$(SUBJECTS)' -rounds '$(ROUNDS)' -scale '$(SCALE)' \
		-note '$(NOTE)'

.PHONY: bench-quick
bench-quick: bin/processor bin/bench ## compare the main ratios with bench/baseline.json, under five minutes
	exec bin/bench -quick

.PHONY: bench-baseline
bench-baseline: bin/processor bin/bench ## make bench/baseline.json of a quick run
	exec bin/bench -quick -set-baseline

.PHONY: bench-report
bench-report: bin/bench ## make docs/BENCHMARKS.md and README.md of the results again
	exec bin/bench -report

.PHONY: bench-go
bench-go: ## run the Go benchmarks that match BENCH (all)
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: cover
cover: ## measure how much of each package its tests reach, into cover.out
	go test -shuffle=on -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

# Import paths stand on lines of their own, and in the layers of the linter. Names on the wire that begin
# with "refold" (topics, headers, Avro namespaces) are no module paths, and stay.
.PHONY: module
module: ## rewrite the module's path to MODULE, such as example.com/you/refold
	@[[ '$(MODULE)' =~ ^[a-z0-9.-]+\.[a-z]+(/[A-Za-z0-9._~-]+)+$$ ]] || \
		{ echo "make module MODULE=example.com/you/refold: '$(MODULE)' is no path of a module"; exit 2; }
	old=$$(go list -m); \
	git ls-files -z '*.go' | xargs -0 sed -i -E \
		"s#^((import )?[[:space:]]*([A-Za-z_.]+ )?\")$$old(/[^\"]*)?(\".*)\$$#\1$(MODULE)\4\5#"; \
	sed -i -E -e "s#(^|[[ (,{*])$$old/#\1$(MODULE)/#g" \
		-e "s#(pkg: |module-path: |prefix\\()$$old([],)}]|\$$)#\1$(MODULE)\2#" .golangci.yml; \
	for example in examples/*/go.mod; do \
		sed -i -E "s#^((require|replace)?[[:space:]]*)$$old #\1$(MODULE) #" "$$example"; \
	done; \
	go mod edit -module '$(MODULE)'
	go build ./... && gofmt -l .

.PHONY: clean
clean: ## remove what was built here (the cache outside is kept)
	rm -rf bin cover.out
