#!/bin/bash
# Makes ssh-brute-force.pcap.gz: two hosts of the internet guess passwords at the real sshd of the web server of
# three-tier.yaml, while the office logs in with a key. Captured on the web server itself with -i any, hence the
# link type is Linux cooked v2; it sees its loopback too.
# Packages: tcpdump openssh-server openssh-client sshpass
# usage: ssh-brute-force.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- tcpdump:tcpdump sshd:openssh-server ssh:openssh-client sshpass:sshpass gzip:gzip

three_tier
mkdir -p "$WORK/ssh" /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh/host"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh/office"
cat > "$WORK/ssh/config" << CONF
ListenAddress 10.0.1.10
ListenAddress 127.0.0.1
HostKey $WORK/ssh/host
PidFile none
AuthorizedKeysFile $WORK/ssh/office.pub
StrictModes no
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
MaxAuthTries 3
UseDNS no
CONF
spawn web "$(command -v sshd)" -D -e -f "$WORK/ssh/config"
wait_port web 10.0.1.10 22

capture web "$WORK/ssh.pcap" -i any -y LINUX_SLL2
common=(-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=10)
guess() {
    inside inet sshpass -p "$3" ssh "${common[@]}" -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 \
        -b "$1" "$2@10.0.1.10" true > /dev/null 2>&1 || true
}
login() { local from=$1; shift; inside inet ssh "${common[@]}" -i "$WORK/ssh/office" -o BatchMode=yes -b "$from" root@10.0.1.10 "$@" > /dev/null; }

login 203.0.113.12 'uname; seq 1 500'
round=0
for user in admin root ubuntu ec2-user postgres git test oracle; do
    for password in 123456 password admin; do
        guess 198.51.100.200 "$user" "$password" &
        (( ++round % 4 )) || settle
    done
done
for user in root admin; do for password in root toor letmein; do guess 198.51.100.201 "$user" "$password" & done; done
settle
login 203.0.113.14 'seq 1 2000'
# A key of the office used from elsewhere, and a log-in over the loopback, which no topology knows.
login 198.51.100.77 true
inside web ssh "${common[@]}" -i "$WORK/ssh/office" -o BatchMode=yes root@127.0.0.1 true > /dev/null
# Someone inside the VPC tries as well.
inside app sshpass -p secret ssh "${common[@]}" -o PubkeyAuthentication=no root@10.0.1.10 true > /dev/null 2>&1 || true
end_capture
gzip -9n "$WORK/ssh.pcap"
finish "$WORK/ssh.pcap.gz" ssh-brute-force.pcap.gz
