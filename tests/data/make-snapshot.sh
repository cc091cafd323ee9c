#!/usr/bin/env bash
# Makes the folder of raw `aws ec2 describe-*` output that tests/Dataplane.Tests/Corpus/aws-cli holds.
#
#   tests/data/make-snapshot.sh FOLDER
#
# Needs the AWS CLI and moto's server (pip install awscli 'moto[server,ec2]'). Nothing leaves this machine: the server listens on 127.0.0.1 and the
# keys are placeholders. Ids are random, so a new snapshot differs from the one that is kept.
set -euo pipefail

out=${1:?usage: make-snapshot.sh FOLDER}
port=${PORT:-5123}
export AWS_ACCESS_KEY_ID=placeholder AWS_SECRET_ACCESS_KEY=placeholder AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=''
mkdir -p "$out"

moto_server -H 127.0.0.1 -p "$port" >"${SERVER_LOG:-/dev/null}" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done

ec2() { aws --endpoint-url "http://127.0.0.1:$port" ec2 "$@"; }
id() { ec2 "$@" --output text; }

vpc=$(id create-vpc --cidr-block 10.0.0.0/16 --amazon-provided-ipv6-cidr-block --query Vpc.VpcId)
far=$(id create-vpc --cidr-block 10.8.0.0/16 --query Vpc.VpcId)
web=$(id create-subnet --vpc-id "$vpc" --cidr-block 10.0.1.0/24 --query Subnet.SubnetId)
app=$(id create-subnet --vpc-id "$vpc" --cidr-block 10.0.2.0/24 --query Subnet.SubnetId)

igw=$(id create-internet-gateway --query InternetGateway.InternetGatewayId)
ec2 attach-internet-gateway --internet-gateway-id "$igw" --vpc-id "$vpc"
eigw=$(id create-egress-only-internet-gateway --vpc-id "$vpc" --query EgressOnlyInternetGateway.EgressOnlyInternetGatewayId)
allocation=$(id allocate-address --domain vpc --query AllocationId)
nat=$(id create-nat-gateway --subnet-id "$web" --allocation-id "$allocation" --query NatGateway.NatGatewayId)
pcx=$(id create-vpc-peering-connection --vpc-id "$vpc" --peer-vpc-id "$far" --query VpcPeeringConnection.VpcPeeringConnectionId)
ec2 accept-vpc-peering-connection --vpc-peering-connection-id "$pcx" >/dev/null

public=$(id create-route-table --vpc-id "$vpc" --query RouteTable.RouteTableId)
private=$(id create-route-table --vpc-id "$vpc" --query RouteTable.RouteTableId)
ec2 create-route --route-table-id "$public" --destination-cidr-block 0.0.0.0/0 --gateway-id "$igw" >/dev/null
ec2 create-route --route-table-id "$private" --destination-cidr-block 0.0.0.0/0 --nat-gateway-id "$nat" >/dev/null
ec2 create-route --route-table-id "$private" --destination-cidr-block 10.8.0.0/16 --vpc-peering-connection-id "$pcx" >/dev/null
ec2 create-route --route-table-id "$private" --destination-ipv6-cidr-block ::/0 --egress-only-internet-gateway-id "$eigw" >/dev/null
ec2 associate-route-table --route-table-id "$public" --subnet-id "$web" >/dev/null
ec2 associate-route-table --route-table-id "$private" --subnet-id "$app" >/dev/null

list=$(id create-managed-prefix-list --prefix-list-name office --address-family IPv4 --max-entries 5 \
    --entries Cidr=203.0.113.0/24,Description=hq Cidr=198.51.100.0/25 --query PrefixList.PrefixListId)
sgweb=$(id create-security-group --group-name web --description 'web tier' --vpc-id "$vpc" --query GroupId)
sgapp=$(id create-security-group --group-name app --description 'app tier' --vpc-id "$vpc" --query GroupId)
ec2 authorize-security-group-ingress --group-id "$sgweb" --ip-permissions \
    'IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges=[{CidrIp=0.0.0.0/0,Description=everyone}],Ipv6Ranges=[{CidrIpv6=::/0}]' \
    "IpProtocol=tcp,FromPort=22,ToPort=22,PrefixListIds=[{PrefixListId=$list}]" \
    'IpProtocol=icmp,FromPort=8,ToPort=-1,IpRanges=[{CidrIp=10.0.0.0/8}]' >/dev/null
ec2 authorize-security-group-ingress --group-id "$sgapp" --ip-permissions \
    "IpProtocol=tcp,FromPort=8080,ToPort=8090,UserIdGroupPairs=[{GroupId=$sgweb}]" 'IpProtocol=udp,FromPort=53,ToPort=53,IpRanges=[{CidrIp=10.8.0.0/16}]' >/dev/null

acl=$(id create-network-acl --vpc-id "$vpc" --query NetworkAcl.NetworkAclId)
ec2 create-network-acl-entry --network-acl-id "$acl" --ingress --rule-number 100 --protocol 6 --port-range From=8080,To=8090 --cidr-block 10.0.1.0/24 --rule-action allow
ec2 create-network-acl-entry --network-acl-id "$acl" --ingress --rule-number 90 --protocol 1 --icmp-type-code Type=8,Code=-1 --cidr-block 10.0.0.0/16 --rule-action allow
ec2 create-network-acl-entry --network-acl-id "$acl" --egress --rule-number 100 --protocol -1 --cidr-block 0.0.0.0/0 --rule-action allow
association=$(id describe-network-acls --query "NetworkAcls[].Associations[] | [?SubnetId=='$app'].NetworkAclAssociationId | [0]")
ec2 replace-network-acl-association --association-id "$association" --network-acl-id "$acl" >/dev/null

image=$(id describe-images --query 'Images[0].ImageId')
instance=$(id run-instances --image-id "$image" --instance-type t3.micro --subnet-id "$web" --security-group-ids "$sgweb" --query 'Instances[0].InstanceId')
card=$(id create-network-interface --subnet-id "$app" --groups "$sgapp" --private-ip-address 10.0.2.20 --query NetworkInterface.NetworkInterfaceId)
ec2 modify-network-interface-attribute --network-interface-id "$card" --no-source-dest-check || true
elastic=$(id allocate-address --domain vpc --query AllocationId)
ec2 associate-address --instance-id "$instance" --allocation-id "$elastic" >/dev/null

for command in vpcs subnets route-tables network-acls security-groups security-group-rules network-interfaces instances addresses \
    internet-gateways egress-only-internet-gateways nat-gateways vpc-peering-connections managed-prefix-lists prefix-lists \
    dhcp-options availability-zones flow-logs; do
    ec2 "describe-$command" > "$out/$command.json" || true      # a failed command leaves an empty file, as it does for everyone
done
ec2 get-managed-prefix-list-entries --prefix-list-id "$list" > "$out/entries-$list.json"
