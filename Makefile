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

STATICCHECK   := honnef.co/go/tools/cmd/staticcheck@v0.7.0
DEADCODE      := golang.org/x/tools/cmd/deadcode@v0.52.0
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2

# What the page is built from.
PAGE_SOURCES := $(shell find ui/src ui/assets -type f ! -name '*.test.*') ui/index.html ui/vite.config.ts ui/tsconfig.json

.PHONY: cover deadcode build page image up down test needs browser unit unit-page e2e faults k3snode lgtm test-k3d e2e-page lint lint-page generate check-generated bench cross clean

build: page
	@mkdir -p bin
	@echo "building bin/diorama (the first time takes about ten minutes on two cores)"
	@go build -ldflags "$(LDFLAGS)" -o bin/diorama .

page: ui/dist/index.html

ui/dist/index.html: ui/node_modules/.package-lock.json $(PAGE_SOURCES)
	@ui/scripts/need-node.sh
	cd ui && npm run build
	@touch $@

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json ui/.npmrc
	@ui/scripts/need-node.sh
	cd ui && npm ci
	@touch $@

# Images of the binary alone, given to Docker: static, without rights.
image: build
	@bin/diorama image

up: build
	@bin/diorama up

down: build
	@bin/diorama down

test: needs unit unit-page e2e e2e-page

# What the tests start that is not diorama: known to be there before they begin.
needs: bin/prometheus bin/kubectl browser

unit:
	go test ./...

unit-page: ui/node_modules/.package-lock.json
	cd ui && npm test

# The end-to-end scripts run the binary as users have it.
# Run in their folder, they say in the end what was skipped, and why.
e2e: build bin/kubectl bin/prometheus k3snode lgtm
	cd e2e && DIORAMA_BINARY=$(CURDIR)/bin/diorama KUBECTL_BINARY=$(CURDIR)/bin/kubectl \
		PROMETHEUS_BINARY=$(CURDIR)/bin/prometheus \
		K3SNODE_BINARY=$(CURDIR)/bin/k3snode LGTM_BINARY=$(CURDIR)/bin/lgtm \
		go test -count=1 -timeout 45m -tags e2e

# What goes wrong in an environment, one after the other, with a line for each: all
# that is known; make e2e has the shorter ones. Faults of disks take root.
faults: build bin/kubectl
	DIORAMA_FAULTS=all DIORAMA_BINARY=$(CURDIR)/bin/diorama KUBECTL_BINARY=$(CURDIR)/bin/kubectl \
		go test -count=1 -timeout 60m -tags e2e -run '^TestFaults$$' ./e2e

# The kind k3d with nodes whose pods run. The engine has the images, or can pull
# them; nodes are privileged containers.
K3S_IMAGE      ?= rancher/k3s:v1.35.5-k3s1
WORKLOAD_IMAGE ?= busybox:1.37
test-k3d: build bin/kubectl lgtm
	DIORAMA_BINARY=$(CURDIR)/bin/diorama KUBECTL_BINARY=$(CURDIR)/bin/kubectl LGTM_BINARY=$(CURDIR)/bin/lgtm DIORAMA_DOCKER=required \
		DIORAMA_K3S_IMAGE=$(K3S_IMAGE) DIORAMA_WORKLOAD_IMAGE=$(WORKLOAD_IMAGE) \
		go test -count=1 -timeout 20m -tags e2e -run TestK3dReal -v ./e2e

# The page in a real browser, on an environment that it starts.
e2e-page: build browser
	cd ui && DIORAMA_BINARY=$(CURDIR)/bin/diorama npm run e2e

browser: ui/node_modules/.package-lock.json
	@cd ui && node e2e/chromium.mjs

# A Prometheus that is not ours, without the clouds that it can discover.
bin/prometheus: go.mod
	@mkdir -p bin
	go build -tags remove_all_sd -ldflags "-s -w" -o $@ github.com/prometheus/prometheus/cmd/prometheus

# Stock kubectl, of the version of the API server.
bin/kubectl: go.mod
	@mkdir -p bin
	go build -ldflags "$(LDFLAGS)" -o $@ k8s.io/kubernetes/cmd/kubectl

# What stands for k3s in the node image of the tests.
k3snode:
	@mkdir -p bin
	go build -ldflags "-s -w" -o bin/k3snode ./e2e/k3snode

# What stands for the programs of LGTM in the image of the tests.
lgtm:
	@mkdir -p bin
	go build -ldflags "-s -w" -o bin/lgtm ./e2e/lgtm

lint: lint-page
	test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	go vet -tags e2e ./...
	go run $(STATICCHECK) -tags e2e ./...
	go run $(GOLANGCI_LINT) run ./...
	go test -count=1 ./internal/shape

# Functions that nothing reaches, tests included. It reads all of Kubernetes: too
# large for every machine.
deadcode:
	go run $(DEADCODE) -test -tags e2e ./...

# Unit coverage of what plans, supervises and cleans up, each by its own tests.
COVERED := component plan kinds supervisor control environment cluster containers
cover:
	@for package in $(COVERED); do \
		go test -cover ./internal/$$package; \
	done | awk '{ print } /^FAIL/ { bad = 1 } /coverage:/ { sub(/.*coverage: /, ""); if ($$1 + 0 < 80) bad = 1 } END { exit bad }'

lint-page: ui/node_modules/.package-lock.json
	cd ui && npm run lint

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
cross: page
	@mkdir -p bin
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
		echo "building $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} go build -trimpath -ldflags "$(LDFLAGS)" \
			-o bin/diorama-$${target%/*}-$${target#*/} . || exit 1; \
	done

clean:
	rm -rf bin out ui/node_modules ui/public
	find ui/dist -mindepth 1 ! -name .gitkeep -delete
