# make up     build and bring up the embedded environment
# make test   build and run every test

export CGO_ENABLED := 0

# The versions that Kubernetes reports come from the linker.
KUBERNETES := v1.35.4
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
K8SVERSION := k8s.io/component-base/version
LDFLAGS    := -s -w -X github.com/diorama-lab/diorama/internal/cli.Version=$(VERSION) \
	-X $(K8SVERSION).gitVersion=$(KUBERNETES) -X $(K8SVERSION).gitMajor=1 -X $(K8SVERSION).gitMinor=35 \
	-X $(K8SVERSION).gitTreeState=clean \
	-X k8s.io/client-go/pkg/version.gitVersion=$(KUBERNETES)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0

.PHONY: build up down test unit e2e lint generate check-generated bench cross clean

build:
	@mkdir -p bin
	@echo "building bin/diorama (the first time takes about ten minutes on two cores)"
	@go build -ldflags "$(LDFLAGS)" -o bin/diorama .

up: build
	@bin/diorama up

down: build
	@bin/diorama down

test: unit e2e

unit:
	go test ./...

# The end-to-end scripts run the binary as users have it.
e2e: build bin/kubectl
	DIORAMA_BINARY=$(CURDIR)/bin/diorama KUBECTL_BINARY=$(CURDIR)/bin/kubectl go test -count=1 -timeout 30m -tags e2e ./e2e

# Stock kubectl, of the version of the API server.
bin/kubectl: go.mod
	@mkdir -p bin
	go build -ldflags "$(LDFLAGS)" -o $@ k8s.io/kubernetes/cmd/kubectl

lint:
	test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

generate:
	go generate ./...

# Generated files and go.mod are what their sources make of them.
check-generated: generate
	go mod tidy
	git diff --exit-code

bench: build
	@mkdir -p out
	@go run ./internal/bench -binary bin/diorama -output out/bench.json

# Every platform that a release has. Too slow for every change: each one
# compiles all of Kubernetes anew.
cross:
	@mkdir -p bin
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
		echo "building $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} go build -trimpath -ldflags "$(LDFLAGS)" \
			-o bin/diorama-$${target%/*}-$${target#*/} . || exit 1; \
	done

clean:
	rm -rf bin out
