// Writes the CDK templates of tests/Dataplane.Tests/Corpus/cdk. Synthesis is offline: no account, no look-ups, no assets of our own.
//
//   npm install --prefix DIR aws-cdk-lib constructs
//   NODE_PATH=DIR/node_modules node tests/data/make-cdk-templates.mjs tests/Dataplane.Tests/Corpus/cdk
//
// What the CDK writes changes a little from version to version; the tests therefore ask for meaning (rules, routes, addresses), not for text.
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const out = process.argv[2];
if (!out) {
  console.error(`usage:
  npm install --prefix DIR aws-cdk-lib constructs
  NODE_PATH=DIR/node_modules node tests/data/make-cdk-templates.mjs OUTPUT-FOLDER`);
  process.exit(2);
}

let cdk;
for (const folder of [...(process.env.NODE_PATH ?? '').split(':').filter(Boolean), join(process.cwd(), 'node_modules')]) {
  try {
    cdk = createRequire(join(folder, 'x.js'))('aws-cdk-lib');
    break;
  } catch { /* the next folder */ }
}
if (!cdk) {
  console.error('aws-cdk-lib is not installed. Install it and name its node_modules in NODE_PATH.');
  process.exit(2);
}

const { aws_ec2: ec2, aws_rds: rds, aws_elasticloadbalancingv2: elb } = cdk;
const app = new cdk.App({ context: { '@aws-cdk/aws-ec2:restrictDefaultSecurityGroup': true }, analyticsReporting: false });
const stack = name => new cdk.Stack(app, name, { synthesizer: new cdk.LegacyStackSynthesizer() });
const image = new ec2.GenericLinuxImage({ 'us-east-1': 'ami-0123456789abcdef0' }, { userData: ec2.UserData.forLinux() });
const t3 = ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.MICRO);

{
  const s = stack('default-vpc');
  new ec2.Vpc(s, 'Vpc');
}
{
  const s = stack('isolated-endpoints');
  const vpc = new ec2.Vpc(s, 'Vpc', {
    restrictDefaultSecurityGroup: true,
    maxAzs: 2, natGateways: 0, ipAddresses: ec2.IpAddresses.cidr('10.20.0.0/16'),
    subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
  });
  vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
  vpc.addGatewayEndpoint('DynamoDb', { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB });
  vpc.addInterfaceEndpoint('Ssm', { service: ec2.InterfaceVpcEndpointAwsService.SSM });
}
{
  const s = stack('groups-and-acls');
  const vpc = new ec2.Vpc(s, 'Vpc', { maxAzs: 2, natGateways: 0, restrictDefaultSecurityGroup: false });
  const web = new ec2.SecurityGroup(s, 'Web', { vpc, allowAllOutbound: false });
  const app1 = new ec2.SecurityGroup(s, 'App', { vpc });
  const db = new ec2.SecurityGroup(s, 'Db', { vpc, allowAllOutbound: false });
  web.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'the world');
  web.addIngressRule(ec2.Peer.anyIpv6(), ec2.Port.tcp(443), 'the other world');
  app1.connections.allowFrom(web, ec2.Port.tcp(8080), 'web to app');
  db.connections.allowFrom(app1, ec2.Port.tcp(5432), 'app to db');
  app1.connections.allowFrom(app1, ec2.Port.icmpPing(), 'each other');
  app1.connections.allowFrom(db, ec2.Port.tcpRange(9000, 9010), 'back');
  const acl = new ec2.NetworkAcl(s, 'Acl', { vpc, subnetSelection: { subnetType: ec2.SubnetType.PUBLIC } });
  acl.addEntry('InHttps', { cidr: ec2.AclCidr.anyIpv4(), ruleNumber: 100, traffic: ec2.AclTraffic.tcpPort(443) });
  acl.addEntry('InPing', { cidr: ec2.AclCidr.ipv4('10.0.0.0/8'), ruleNumber: 110, traffic: ec2.AclTraffic.icmp({ type: 8, code: -1 }) });
  acl.addEntry('OutAll', { cidr: ec2.AclCidr.anyIpv4(), ruleNumber: 100, direction: ec2.TrafficDirection.EGRESS, traffic: ec2.AclTraffic.allTraffic() });
  acl.addEntry('NoV6', { cidr: ec2.AclCidr.anyIpv6(), ruleNumber: 200, ruleAction: ec2.Action.DENY, traffic: ec2.AclTraffic.allTraffic() });
}
{
  const s = stack('dual-stack');
  const vpc = new ec2.Vpc(s, 'Vpc', { maxAzs: 2, natGateways: 0, ipProtocol: ec2.IpProtocol.DUAL_STACK });
  const group = new ec2.SecurityGroup(s, 'Group', { vpc, allowAllIpv6Outbound: true });
  new ec2.Instance(s, 'Host', {
    vpc, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, instanceType: t3, machineImage: image, securityGroup: group, ipv6AddressCount: 1,
  });
}
{
  const s = stack('peering');
  const a = new ec2.Vpc(s, 'A', { maxAzs: 1, natGateways: 0, ipAddresses: ec2.IpAddresses.cidr('10.30.0.0/16') });
  const b = new ec2.Vpc(s, 'B', { maxAzs: 1, natGateways: 0, ipAddresses: ec2.IpAddresses.cidr('10.31.0.0/16') });
  const peering = new ec2.CfnVPCPeeringConnection(s, 'Peering', { vpcId: a.vpcId, peerVpcId: b.vpcId });
  for (const [from, to] of [[a, b], [b, a]]) {
    from.publicSubnets.forEach((subnet, i) => new ec2.CfnRoute(s, `${from.node.id}To${to.node.id}${i}`, {
      routeTableId: subnet.routeTable.routeTableId, destinationCidrBlock: to.vpcCidrBlock, vpcPeeringConnectionId: peering.ref,
    }));
  }
}
{
  const s = stack('instances');
  const vpc = new ec2.Vpc(s, 'Vpc', { maxAzs: 2, natGateways: 1 });
  const bastion = new ec2.Instance(s, 'Bastion', {
    vpc, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, instanceType: t3, machineImage: image, associatePublicIpAddress: true,
  });
  bastion.connections.allowFrom(ec2.Peer.ipv4('203.0.113.0/24'), ec2.Port.SSH, 'office');
  const worker = new ec2.Instance(s, 'Worker', { vpc, instanceType: t3, machineImage: image, privateIpAddress: '10.0.128.10', sourceDestCheck: false });
  worker.connections.allowFrom(bastion, ec2.Port.SSH, 'bastion');
  const eip = new ec2.CfnEIP(s, 'Address', { instanceId: bastion.instanceId });
  new cdk.CfnOutput(s, 'BastionAddress', { value: eip.attrPublicIp, exportName: 'bastion-address' });
}
{
  const s = stack('alb-rds');
  const vpc = new ec2.Vpc(s, 'Vpc', { maxAzs: 2, natGateways: 0, subnetConfiguration: [
    { name: 'Public', subnetType: ec2.SubnetType.PUBLIC }, { name: 'Data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  const group = new ec2.SecurityGroup(s, 'App', { vpc });
  const host = new ec2.Instance(s, 'Host', { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, instanceType: t3, machineImage: image, securityGroup: group });
  const alb = new elb.ApplicationLoadBalancer(s, 'Alb', { vpc, internetFacing: true });
  const listener = alb.addListener('Http', { port: 80 });
  const targets = new elb.CfnTargetGroup(s, 'Targets', { port: 8080, protocol: 'HTTP', vpcId: vpc.vpcId, targets: [{ id: host.instanceId }], targetType: 'instance' });
  listener.addAction('Forward', { action: elb.ListenerAction.fixedResponse(404) });
  group.connections.allowFrom(alb, ec2.Port.tcp(8080), 'load balancer');
  const database = new rds.DatabaseInstance(s, 'Database', {
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_16 }), vpc, instanceType: t3,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
  });
  database.connections.allowDefaultPortFrom(group, 'application');
  const cluster = new rds.DatabaseCluster(s, 'Aurora', {
    engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_16_1 }), vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED }, writer: rds.ClusterInstance.serverlessV2('Writer'),
  });
  cluster.connections.allowDefaultPortFrom(group, 'application');
  void targets;
}

mkdirSync(out, { recursive: true });
for (const artifact of app.synth().stacks) {
  const file = join(out, `${artifact.stackName}.json`);
  writeFileSync(file, JSON.stringify(artifact.template, null, 1) + '\n');
  console.log(file);
}
