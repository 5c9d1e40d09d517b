#!/bin/sh
# Stands for Grafana Beyla in tests: it needs the rights that Beyla needs, finds
# processes as Beyla does, by the ports that they listen on among the processes
# that it sees, and says of itself what Beyla says. It attaches to nothing.
set -eu

# Of the kernel's capabilities CAP_SYS_ADMIN, the 21st, stands for all.
caps=$(sed -n 's/^CapEff:[^0-9a-f]*//p' /proc/self/status)
if [ $((0x$caps >> 21 & 1)) = 0 ]; then
	echo "the following capabilities are required: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE" >&2
	exit 1
fi

# inodes PID PORT: the sockets that listen on a port, in a process' network. The
# process may have ended since it was seen.
inodes() {
	hex=$(printf %04X "$2")
	listening="s/^ *[0-9]*: [0-9A-F]*:$hex [0-9A-F:]* 0A \([^ ]* *\)\{5\}\([0-9]*\) .*/\2/p"
	sed -n "$listening" "/proc/$1/net/tcp" "/proc/$1/net/tcp6" 2>/dev/null
}

# listens PID PORT: whether it is this process that listens there.
listens() {
	for inode in $(inodes "$1" "$2"); do
		for file in /proc/"$1"/fd/*; do
			[ "$(readlink "$file")" = "socket:[$inode]" ] && return 0
		done
	done
	return 1
}

mkdir -p /www/internal
: >/www/internal/metrics
httpd -p "${BEYLA_INTERNAL_METRICS_PROMETHEUS_PORT:?}" -h /www

found=0
while [ $found = 0 ]; do
	for process in /proc/[0-9]*; do
		pid=${process#/proc/}
		for port in $(echo "${BEYLA_OPEN_PORT:?}" | tr , ' '); do
			listens "$pid" "$port" || continue
			echo "instrumenting process pid=$pid port=$port service=$BEYLA_SERVICE_NAME: $(tr '\0' ' ' <"$process/cmdline")"
			found=$((found + 1))
		done
	done
	sleep 1
done

# A request for traces without any is a whole one. What takes no traces says so.
answer=$(wget -q -O /dev/null --header 'Content-Type: application/x-protobuf' --post-data '' \
	"${OTEL_EXPORTER_OTLP_ENDPOINT:?}/v1/traces" 2>&1) || true
echo "traces are sent to $OTEL_EXPORTER_OTLP_ENDPOINT: ${answer:-taken}"
printf 'beyla_instrumented_processes{process_name="lgtm"} %d\n' $found >/www/internal/metrics
exec sleep 2147483647
