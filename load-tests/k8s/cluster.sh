#!/usr/bin/env bash
# A real Kubernetes cluster of one node in namespaces of its own: no registry, no Docker, no route out, nothing of the machine changed.
#
#   cluster.sh build             makes what it needs where that is missing: Kubernetes itself (minutes, once), Debian's containerd and others
#   cluster.sh up [--for PID]    starts it (some 20 s) and waits until the node is ready; it ends with that process, or after CLUSTER_MINUTES (60)
#   cluster.sh kubectl ...       kubectl as admin
#   cluster.sh run COMMAND...    any command, where the addresses of pods are reachable
#   cluster.sh load TAR...       puts images (docker archives or OCI layouts) on the node
#   cluster.sh running           prints the number of its first process; nothing where none runs
#   cluster.sh down              ends every process of it and clears its control groups
#
# What is built lies outside every checkout, in ${XDG_CACHE_HOME:-~/.cache}/foothold/cluster-HASH, named by the hash of its sources; CLUSTER_DIR is
# the working folder of the one that runs (default: cluster of TMPDIR). One network namespace holds node and pods: bridge cni0, address
# 10.244.0.1, which is the API server's and the DNS server's too. One PID namespace holds every process, so that the end of its first one is
# the end of all. Exit code 2: something that it needs cannot be had; what, stands in the last line.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
version=1.34.4
debian=(etcd-server containerd runc containernetworking-plugins nftables libnftables1 libnftnl11 libjansson4 libseccomp2)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/foothold
W=${CLUSTER_DIR:-${TMPDIR:-/tmp}/foothold-cluster}
node=10.244.0.1
pods=10.244.0.0/16
services=10.96.0.0/16
group=foothold-cluster
fail() { echo "cluster: $*" >&2; exit 1; }
lacking() { echo "cluster: CANNOT RUN: $*" >&2; exit 2; }

sources() { cat "$here"/kube/{go.mod,go.sum,main.go} "$here"/pause/{go.mod,main.go} "$here/pack.py"; echo "$version ${debian[*]}"; }
program=$cache/cluster-$(sources | sha256sum | cut -c1-12)
socket=/run/containerd/containerd.sock
environment() { # the program's commands before the machine's
  local libraries=("$program"/root/usr/lib/*-linux-gnu)
  export PATH=$program/bin:$program/root/usr/bin:$program/root/usr/sbin:$PATH
  export LD_LIBRARY_PATH=${libraries[0]}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}

able() {
  local c
  [ "$(id -u)" = 0 ] || lacking "namespaces, control groups and mounts need root"
  for c in unshare nsenter ip openssl python3 flock ps setsid mount curl; do
    command -v "$c" > /dev/null 2>&1 || lacking "no $c found (Debian: util-linux, mount, procps, iproute2, openssl, python3, curl)"
  done
  unshare --mount --net --pid --fork --mount-proc true 2> /dev/null || lacking "the kernel gives no namespaces here (in a container: --privileged)"
  [ -w /sys/fs/cgroup/cpu ] && [ -w /sys/fs/cgroup/systemd ] ||
    lacking "control groups of version 1 with cpu, memory, cpuset and name=systemd are needed, writable, in /sys/fs/cgroup; version 2 was not tried"
}

build() {
  [ ! -e "$program/.complete" ] || return 0
  command -v go > /dev/null 2>&1 || lacking "no Go found to build Kubernetes with (1.26 or newer; https://go.dev/dl)"
  command -v apt-get > /dev/null 2>&1 && command -v dpkg > /dev/null 2>&1 || lacking "containerd, etcd and others are unpacked from Debian's packages: no apt-get or dpkg here"
  mkdir -p "$cache"
  exec 7> "$program.lock"
  flock 7 # another one may be making it
  [ ! -e "$program/.complete" ] || { exec 7>&-; return 0; }
  rm -rf "$program"
  mkdir -p "$program"/{bin,deb,root,pause,lists/partial,archives/partial}
  # Unpacked, not installed: their packages would start daemons. Lists of our own: the machine's stay as they are.
  local own=(-qq -o "Dir::State::Lists=$program/lists" -o "Dir::Cache::Archives=$program/archives" -o APT::Sandbox::User=root) d
  (cd "$program/deb" && apt-get "${own[@]}" update && apt-get "${own[@]}" download "${debian[@]}") >&2 ||
    lacking "apt-get cannot download ${debian[*]}: its reason stands above (is Debian's archive within reach?)"
  for d in "$program"/deb/*.deb; do dpkg -x "$d" "$program/root"; done
  rm -rf "$program"/{deb,lists,archives}
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOCACHE=${GOCACHE:-$cache/go-build} GOMODCACHE=${GOMODCACHE:-$cache/go-mod}
  local flags="-s -w" part
  for part in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $part.gitVersion=v$version -X $part.gitMajor=${version%%.*} -X $part.gitMinor=$(cut -d. -f2 <<< "$version")"
  done
  echo "cluster: building Kubernetes $version into $program (some 1,000 s of CPU the first time)" >&2
  (cd "$here/kube" && go build -trimpath -ldflags "$flags" -o "$program/bin/kube" .) >&2 ||
    lacking "Kubernetes cannot be built: Go's reason stands above (is a Go module proxy within reach?)"
  (cd "$here/pause" && go build -trimpath -ldflags "-s -w" -o "$program/pause/pause" .) >&2 || fail "the pause program does not build"
  "$here/pack.py" "$program/pause.tar" foothold.test/pause:1 '{"Entrypoint": ["/pause"], "User": "65534:65534"}' "$program/pause"
  touch "$program/.complete"
  clear_old
  exec 7>&-
}

# Programs of other sources go, unless one is being built or runs.
clear_old() {
  local old lock
  for old in "$cache"/cluster-*; do
    [ -d "$old" ] && [ "$old" != "$program" ] || continue
    lock=$old.lock
    exec 6> "$lock"
    if flock -n 6; then rm -rf "$old" "$lock"; fi
    exec 6>&-
  done
}

# When a process began, in ticks since the machine did: its number may be another's by now.
began() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | cut -d' ' -f20; }
# The first process of the cluster in this directory; nothing where none runs.
running() {
  local pid start
  read -r pid start 2> /dev/null < "$W/run/init.pid" || return 0
  [ "$(began "$pid" || true)" != "$start" ] || echo "$pid"
}

inside() {
  local pid
  pid=$(running)
  [ -n "$pid" ] || fail "no cluster runs in $W"
  nsenter --target "$pid" --mount --net --pid --root --wd="$PWD" -- "$@"
}
kubectl() { kube kubectl --kubeconfig "$W/pki/admin.kubeconfig" "$@"; }

certificates() {
  local P=$W/pki c
  rm -rf "$P"
  mkdir -p "$P"
  chmod 700 "$P"
  cd "$P"
  openssl ecparam -name prime256v1 -genkey -noout -out service-account.key
  authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" 2> /dev/null
  }
  certificate() { # name, authority, subject, [alternative names]
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$3" -keyout "$1.key" -out "$1.csr" 2> /dev/null
    printf 'extendedKeyUsage=serverAuth,clientAuth\n%s' "${4:+subjectAltName=$4}" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.crt" 2> /dev/null
  }
  config() { # name of a certificate
    cat > "$1.kubeconfig" << C
{"apiVersion": "v1", "kind": "Config", "current-context": "c",
 "clusters": [{"name": "c", "cluster": {"server": "https://$node:6443", "certificate-authority": "$P/ca.crt"}}],
 "users": [{"name": "u", "user": {"client-certificate": "$P/$1.crt", "client-key": "$P/$1.key"}}],
 "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}
C
  }
  authority ca
  authority front
  certificate apiserver ca /CN=apiserver "IP:$node,IP:10.96.0.1,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  certificate kubelet-server ca /CN=node "IP:$node,DNS:node"
  certificate front-client front /CN=front-client
  certificate admin ca /O=system:masters/CN=admin
  certificate to-kubelet ca /O=system:masters/CN=to-kubelet
  certificate node ca /O=system:nodes/CN=system:node:node
  certificate controllers ca /CN=system:kube-controller-manager
  certificate scheduler ca /CN=system:kube-scheduler
  certificate proxy ca /CN=system:kube-proxy
  certificate dns ca /CN=foothold:dns
  certificate metrics ca /CN=foothold:metrics
  for c in admin node controllers scheduler proxy dns metrics; do config $c; done
  cd - > /dev/null
}

files() {
  mkdir -p "$W"/{run,log,etc/cni,kubelet,containerd,etcd}
  echo "nameserver $node" > "$W/etc/resolv.conf"
  cat > "$W/etc/cni/10-bridge.conflist" << C
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true, "ipMasq": false,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pods", "rangeStart": "10.244.0.10", "gateway": "$node"}]],
            "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/cni"}}]}
C
  cat > "$W/etc/containerd.toml" << C
version = 2
root = "$W/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "foothold.test/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$program/root/usr/lib/cni"
    conf_dir = "$W/etc/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "$program/root/usr/sbin/runc"
      SystemdCgroup = false
C
  cat > "$W/etc/kubelet.yaml" << C
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node
healthzPort: 0
readOnlyPort: 0
tlsCertFile: $W/pki/kubelet-server.crt
tlsPrivateKeyFile: $W/pki/kubelet-server.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $W/pki/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$socket
cgroupDriver: cgroupfs
cgroupRoot: /$group
failCgroupV1: false
failSwapOn: false
clusterDNS: [$node]
clusterDomain: cluster.local
resolvConf: $W/etc/resolv.conf
makeIPTablesUtilChains: false
enforceNodeAllocatable: [pods]
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
volumePluginDir: $W/kubelet/plugins
podLogsDir: /var/log/pods
syncFrequency: 10s
nodeStatusUpdateFrequency: 5s
C
  cat > "$W/etc/proxy.yaml" << C
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $pods
hostnameOverride: node
bindAddress: $node
healthzBindAddress: ""
metricsBindAddress: 127.0.0.1:10249
clientConnection: {kubeconfig: $W/pki/proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
C
  # Names of the cluster, and none beside them: a name that is not there is NXDOMAIN, which some resolvers need to go on.
  cat > "$W/etc/Corefile" << C
.:53 {
  bind $node
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $W/pki/dns.kubeconfig c
    pods insecure
    ttl 1
  }
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
C
}

# The first process of the namespaces; its end is everything's.
init() {
  mount --make-rshared /
  mount -t tmpfs tmpfs /run
  mount --bind "$W/log" /var/log
  mount --bind "$W/etc/resolv.conf" /etc/resolv.conf
  unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
  # What the kubelet would set for the whole machine it sets in files of this mount namespace.
  local f
  for f in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    mkdir -p "/run/sysctl/$(dirname $f)"
    cat "/proc/sys/$f" > "/run/sysctl/$f"
    mount --bind "/run/sysctl/$f" "/proc/sys/$f"
  done
  for f in /sys/fs/cgroup/*/; do
    case $f in */unified/) continue ;; esac
    mkdir -p "$f$group"
  done
  if [ -e /sys/fs/cgroup/cpuset/$group ]; then
    cat /sys/fs/cgroup/cpuset/cpuset.cpus > /sys/fs/cgroup/cpuset/$group/cpuset.cpus
    cat /sys/fs/cgroup/cpuset/cpuset.mems > /sys/fs/cgroup/cpuset/$group/cpuset.mems
  fi
  # All pods together would weigh as much as one process outside.
  echo 8192 > /sys/fs/cgroup/cpu/$group/cpu.shares
  ip link set lo up
  ip link add cni0 type bridge
  ip address add $node/16 dev cni0
  ip link set cni0 up
  ip route add $services dev cni0
  echo 1 > /proc/sys/net/ipv4/ip_forward
  local P=$W/pki L=$W/log
  component() { # log, command...
    local log=$L/$1.log
    shift
    "$@" > "$log" 2>&1 &
  }
  authorized() { # name of a kubeconfig; how the programs beside the API server know who may ask them
    echo --kubeconfig "$P/$1.kubeconfig" --authentication-kubeconfig "$P/$1.kubeconfig" --authorization-kubeconfig "$P/$1.kubeconfig"
  }
  component containerd containerd --config "$W/etc/containerd.toml"
  component etcd etcd --data-dir "$W/etcd" --unsafe-no-fsync --log-level warn --logger zap
  component apiserver kube kube-apiserver --etcd-servers http://127.0.0.1:2379 --advertise-address $node --bind-address $node --secure-port 6443 \
    --service-cluster-ip-range $services --allow-privileged --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --client-ca-file "$P/ca.crt" --tls-cert-file "$P/apiserver.crt" --tls-private-key-file "$P/apiserver.key" \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$P/service-account.key" \
    --service-account-signing-key-file "$P/service-account.key" \
    --kubelet-client-certificate "$P/to-kubelet.crt" --kubelet-client-key "$P/to-kubelet.key" --kubelet-certificate-authority "$P/ca.crt" \
    --kubelet-preferred-address-types InternalIP \
    --requestheader-client-ca-file "$P/front.crt" --requestheader-allowed-names front-client \
    --requestheader-extra-headers-prefix X-Remote-Extra- --requestheader-group-headers X-Remote-Group \
    --requestheader-username-headers X-Remote-User --proxy-client-cert-file "$P/front-client.crt" \
    --proxy-client-key-file "$P/front-client.key" --enable-aggregator-routing
  until kubectl get --raw /readyz > /dev/null 2>&1; do sleep .3; done
  # shellcheck disable=SC2046 # several arguments
  component controllers kube kube-controller-manager $(authorized controllers) --leader-elect=false --use-service-account-credentials \
    --root-ca-file "$P/ca.crt" --service-account-private-key-file "$P/service-account.key" --bind-address 127.0.0.1 \
    --horizontal-pod-autoscaler-sync-period 5s --horizontal-pod-autoscaler-downscale-stabilization 15s \
    --horizontal-pod-autoscaler-initial-readiness-delay 5s --horizontal-pod-autoscaler-cpu-initialization-period 15s
  # shellcheck disable=SC2046
  component scheduler kube kube-scheduler $(authorized scheduler) --leader-elect=false --bind-address 127.0.0.1
  until ctr --address $socket version > /dev/null 2>&1; do sleep .2; done
  ctr --address $socket -n k8s.io images import "$program/pause.tar" > "$L/pause.log" 2>&1
  component kubelet kube kubelet --config "$W/etc/kubelet.yaml" --kubeconfig "$P/node.kubeconfig" --root-dir "$W/kubelet" --hostname-override node --node-ip $node
  component proxy kube kube-proxy --config "$W/etc/proxy.yaml"
  kubectl apply -f "$here/system.yaml" > "$L/system.log" 2>&1
  component dns kube coredns -conf "$W/etc/Corefile"
  # shellcheck disable=SC2046
  component metrics kube metrics-server $(authorized metrics) --bind-address $node --secure-port 4443 --cert-dir "$W/run/metrics" \
    --kubelet-preferred-address-types InternalIP --kubelet-certificate-authority "$P/ca.crt" --metric-resolution 10s --kubelet-request-timeout 5s
  trap 'exit 0' TERM
  while :; do
    sleep 3600 &
    wait $! || true
  done
}

# Ends the cluster with the process that it is for, or when its time is over.
keep() { # process or nothing, minutes
  local end=$((SECONDS + $2 * 60)) mine
  mine=$(cat "$W/run/init.pid")
  while [ $SECONDS -lt $end ] && [ -n "$(running)" ] && { [ -z "$1" ] || kill -0 "$1" 2> /dev/null; }; do sleep 1; done
  [ "$(cat "$W/run/init.pid" 2> /dev/null || true)" != "$mine" ] || down
}

up() {
  local whose="" outer pid
  if [ "${1:-}" = --for ]; then whose=${2:?--for needs a process}; fi
  able
  build
  [ -z "$(running)" ] || fail "one runs already in $W; cluster.sh down ends it"
  # The node's control groups have one name. The lock is held by every process of the cluster.
  exec 5> "$cache/cluster.lock"
  flock -n 5 || fail "another one runs, in another CLUSTER_DIR"
  mkdir -p "$W"
  W=$(cd "$W" && pwd)
  rm -rf "$W"/{run,log,kubelet,etcd}
  files
  certificates
  # Its program stays while it runs; no other descriptor of ours does.
  exec 8> "$program.lock"
  flock -s 8
  CLUSTER_DIR=$W unshare --mount --net --pid --fork --mount-proc --propagation private -- "$here/cluster.sh" init > "$W/log/init.log" 2>&1 < /dev/null 9>&- &
  outer=$!
  exec 8>&-
  until [ -n "$(ps -o pid= --ppid $outer || true)" ]; do
    kill -0 $outer 2> /dev/null || fail "it ended at once; see $W/log"
    sleep .1
  done
  pid=$(ps -o pid= --ppid $outer | tr -d ' ')
  echo "$pid $(began "$pid")" > "$W/run/init.pid"
  exec 5>&-
  CLUSTER_DIR=$W setsid "$here/cluster.sh" keep "$whose" "${CLUSTER_MINUTES:-60}" > "$W/log/keep.log" 2>&1 < /dev/null 9>&- &
  for _ in $(seq 180); do
    if inside kube kubectl --kubeconfig "$W/pki/admin.kubeconfig" wait --for condition=Ready node/node --timeout 1s > /dev/null 2>&1 &&
      inside kube kubectl --kubeconfig "$W/pki/admin.kubeconfig" -n default get serviceaccount default > /dev/null 2>&1; then
      return
    fi
    kill -0 $outer 2> /dev/null || { down; fail "it ended early; see $W/log"; }
    sleep .5
  done
  down
  fail "the node was not ready in time; see $W/log"
}

down() {
  [ -e "$W/run/init.pid" ] || return 0
  local pid
  pid=$(running)
  if [ -n "$pid" ]; then
    kill -KILL "$pid" 2> /dev/null || true
    while [ -n "$(running)" ]; do sleep .1; done
  fi
  rm -f "$W/run/init.pid"
  find /sys/fs/cgroup/*/$group -depth -type d -exec rmdir {} \; 2> /dev/null || true
  rm -rf "$W"/{kubelet,etcd,pki}
}

environment
case ${1:-} in
  init) init ;;
  keep) keep "$2" "$3" ;;
  build) able; build ;;
  up) shift; up "$@" ;;
  down) down ;;
  running) running ;;
  kubectl) shift; inside kube kubectl --kubeconfig "$W/pki/admin.kubeconfig" "$@" ;;
  run) shift; inside "$@" ;;
  load) shift; for t in "$@"; do inside ctr --address $socket -n k8s.io images import "$(readlink -f "$t")"; done ;;
  *) sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
