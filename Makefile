# Fulmen. `make demo` shows the main job, `make test` runs the tests; both need Go and make only.
GO      ?= go
BIN     := bin
PKGS    := ./...
FUZZ    ?= 20s
RUN     ?= .
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X github.com/fulmen-ln/fulmen/internal/build.Version=$(VERSION)
# The curve is libsecp256k1's where that is installed and cgo works; TAGS= is pure Go.
TAGS    ?= $(shell pkg-config --exists libsecp256k1 2>/dev/null && command -v cc >/dev/null && \
             test "$$($(GO) env CGO_ENABLED)" = 1 && echo libsecp256k1)

.PHONY: all build test race fuzz itest interop bench demo gen check clean

all: build

build: ## fulmend and fulmen into bin/
	$(GO) build -trimpath -tags '$(TAGS)' -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/fulmend ./cmd/fulmen

test: ## unit tests, vectors, simulations
	$(GO) test $(shell $(GO) list $(PKGS) | grep -v /itest)

race: ## the same under the race detector
	$(GO) test -race -short $(shell $(GO) list $(PKGS) | grep -v /itest)

itest: build ## scenarios: real daemons on a real regtest chain (CHAIN=btcd|bitcoind, RACE=1, RUN=regexp)
	$(GO) test ./itest -count=1 -timeout 30m -run '$(RUN)' $(if $(V),-v)

interop: ## the same with LND as the peer, which Go builds once
	$(GO) test ./itest/interop -count=1 -timeout 30m -run '$(RUN)' $(if $(V),-v)

fuzz: ## every fuzz target for $(FUZZ) each
	@for pkg in $$($(GO) list $(PKGS)); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
	  done; done

bench: ## payments/s between real daemons, dance steps/s, committer steps/s
	$(GO) test ./channel ./store ./channel/commitment -run '^$$' -bench .
	$(GO) test ./itest -run '^$$' -bench . -benchtime 2000x -timeout 30m

demo: build ## a network from nothing, payments, fees, a crash, closes; the books balance
	$(BIN)/fulmen lab demo

gen: ## protobuf stubs
	./rpc/gen.sh

check: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v '\.pb\.'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet $(PKGS)
	$(GO) tool staticcheck $$($(GO) list $(PKGS) | grep -v 'rpc/.*rpc$$')

clean:
	rm -rf $(BIN)
