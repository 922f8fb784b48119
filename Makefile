# `make help` lists what there is. Everything below does its own set-up: Debian's packages, PyPI, nothing else.
PREFIX ?= /usr/local
SWIFT ?= $(shell command -v swift 2>/dev/null || echo /opt/swift/usr/bin/swift)
RELEASE = --configuration release --static-swift-stdlib -Xlinker -s
STRICT = -Xswiftc -warnings-as-errors --explicit-target-dependency-import-check error
PROGRAMS = .build/release

# What keeps both cores busy for a minute would hold up those that wait for a program's next word.
ALONE := LockHistoryTests|LockSimulationTests|LockCircleTests|GlobTests
# A browser beside all others would measure the machine, and a code that lets one in is good for a minute.
PAGE := ApusPageTests|SignInTests

.PHONY: help run demo test check build install format lint house bench fuzz soak clean packages page claude python

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

run: build claude ## build, then show three sessions at work against the model stub
	@$(PROGRAMS)/apus demo --claude "$$(Scripts/fetch-claude)" --stub Tests/Stub/model-stub

build: packages page ## build apus, apus-claude, apusd and apus-keeper into .build/release
	$(SWIFT) build $(RELEASE) $(STRICT) --product apus
	$(SWIFT) build $(RELEASE) $(STRICT) --product apus-claude
	$(SWIFT) build $(RELEASE) $(STRICT) --product apusd
	$(SWIFT) build $(RELEASE) $(STRICT) --product apus-keeper

test: packages page claude python ## run every test
	$(SWIFT) build --build-tests $(STRICT)
	$(SWIFT) test --skip-build --filter '$(ALONE)'
	$(SWIFT) test --skip-build --filter '$(PAGE)'
	$(SWIFT) test --skip-build --skip '$(ALONE)' --skip '$(PAGE)'

check: packages lint test ## what CI runs: format, build with warnings as errors, house rules, tests

lint: packages ## swift-format, strictly
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests

format: ## let swift-format write the files
	$(SWIFT) format format --in-place --recursive --parallel Package.swift Sources Tests

soak: packages page claude python ## the full counts: 100 kills of the daemon, 1,000 cycles, 10^9 events of locks (two hours or so)
	$(SWIFT) build --build-tests $(STRICT)
	APUS_SOAK=1 $(SWIFT) test --skip-build

fuzz: packages ## libFuzzer on what outsiders send: patterns, sessions.md, hooks, tools, requests; a minute each
	Scripts/fuzz

bench: build claude ## measure side by side with peers; writes BENCHMARKS.md
	Scripts/bench

install: build ## install into PREFIX (default /usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -m 755 $(PROGRAMS)/apus $(PROGRAMS)/apus-claude $(PROGRAMS)/apusd $(PROGRAMS)/apus-keeper "$(DESTDIR)$(PREFIX)/bin"
	rm -rf "$(DESTDIR)$(PREFIX)/share/apus/page"
	install -d "$(DESTDIR)$(PREFIX)/share/apus"
	cp -R .build/page "$(DESTDIR)$(PREFIX)/share/apus/page"
	$(PROGRAMS)/apus help --man > "$(DESTDIR)$(PREFIX)/share/man/man1/apus.1"

packages:
	@Scripts/install-packages

page: packages
	@Scripts/page > /dev/null

claude: packages
	@Scripts/fetch-claude > /dev/null

python: packages
	@Scripts/fetch-python > /dev/null

clean: ## remove what was built
	rm -rf .build
