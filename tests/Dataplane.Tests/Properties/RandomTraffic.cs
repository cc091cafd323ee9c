// Traffic that a network meets: sessions whole and broken, both ways, by private and public addresses, errors that quote what was sent, fragments, and silence
// longer than any time-out. Sessions are interleaved; a seed is a capture.

using System;
using System.Collections.Generic;
using Dataplane.Packets;
using Dataplane.Tests.TestSupport;

namespace Dataplane.Tests.Properties;

/// <summary>A random capture for a random network.</summary>
public static class RandomTraffic
{
    private const long Second = 1_000_000_000;

    public static List<(TestPacket Packet, long Time)> Make(Random random, RandomNetwork network, int count)
    {
        List<(TestPacket, long)> capture = [];
        List<Session> sessions = [];
        List<Headers> sent = [];
        long now = 1_700_000_000 * Second;
        while (capture.Count < count)
        {
            now += Step(random);
            if (sessions.Count == 0 || random.Next(100) < 22)
            {
                sessions.Add(new Session(random, network));
            }

            Session session = sessions[random.Next(sessions.Count)];
            TestPacket packet;
            if (sent.Count > 0 && random.Next(100) < 6)
            {
                packet = Error(random, network, sent[random.Next(sent.Count)]);
            }
            else
            {
                packet = new TestPacket([], LinkType.Raw, session.Next(random), default);
                sent.Add(packet.Headers);
            }

            capture.Add((packet, now));
            if (session.Ended && random.Next(100) < 60)
            {
                sessions.Remove(session);
            }
        }

        return capture;
    }

    /// <summary>Mostly short; now and then longer than a time-out, exactly one, or backwards.</summary>
    private static long Step(Random random) => random.Next(100) switch
    {
        0 => 30 * Second,
        1 => 60 * Second,
        2 => 120 * Second,
        3 => 180 * Second + 1,
        4 => 10 * Second,
        5 => -Second / 2,
        6 => 350 * Second,
        7 => random.Next(8) == 0 ? 432_000 * Second : 600 * Second,
        8 => 0,
        _ => random.Next(1, 800) * 1_000_000L,
    };

    private static TestPacket Error(Random random, RandomNetwork network, Headers about)
    {
        Headers error = new()
        {
            Protocol = about.IsIpv6 ? (byte)58 : (byte)1,
            Flags = (about.Flags & HeaderFlags.Ipv6) | HeaderFlags.PortsKnown | HeaderFlags.HasQuote,
            QuoteOffset = 42,
            WireLength = 70,
        };
        int type = about.IsIpv6 ? random.Next(1, 5) : new[] { 3, 11, 12, 4, 5 }[random.Next(5)];
        error.DestinationPort = (ushort)(type << 8 | random.Next(5));
        // From the target, or from a router on the way; sometimes to somebody who never sent it.
        error.Source = random.Next(3) == 0 ? Any(random, network, about.IsIpv6) : about.Destination;
        error.Destination = random.Next(8) == 0 ? Any(random, network, about.IsIpv6) : about.Source;
        Headers quote = about;
        quote.TcpFlags = 0;
        if (random.Next(10) == 0)
        {
            quote.Flags &= ~HeaderFlags.PortsKnown;
            quote.SourcePort = quote.DestinationPort = 0;
        }

        return new TestPacket([], LinkType.Raw, error, quote);
    }

    private static IpAddress Any(Random random, RandomNetwork network, bool v6)
    {
        for (int tries = 0; tries < 50; tries++)
        {
            List<IpAddress> from = random.Next(10) switch
            {
                < 5 => network.Own,
                < 7 => network.Public,
                _ => network.Odd,
            };
            if (from.Count > 0 && from[random.Next(from.Count)] is var address && address.IsIpv6 == v6)
            {
                return address;
            }
        }

        return IpAddress.Parse(v6 ? "2001:db8:ffff::7" : "198.51.100.7");
    }

    /// <summary>Two ends that talk, not always as they should.</summary>
    private sealed class Session
    {
        private static readonly int[] ServerPorts = [80, 443, 22, 53, 25, 8080, 65535, 0, 1023, 1024, 40000];

        private readonly Headers _forward;
        private readonly Queue<(bool Back, byte Flags)> _script = new();
        private readonly RandomNetwork _network;
        private uint _fragment;

        internal Session(Random random, RandomNetwork network)
        {
            _network = network;
            bool v6 = random.Next(100) < 30;
            byte protocol = random.Next(20) switch
            {
                < 10 => 6,
                < 14 => 17,
                < 17 => v6 ? (byte)58 : (byte)1,
                17 => 47,
                18 => random.Next(2) == 0 ? (byte)50 : (byte)132,
                _ => random.Next(2) == 0 ? (byte)1 : (byte)58,
            };
            Headers forward = new()
            {
                Protocol = protocol,
                Flags = v6 ? HeaderFlags.Ipv6 : HeaderFlags.None,
                WireLength = (uint)random.Next(60, 1500),
            };
            forward.Source = Any(random, network, v6);
            forward.Destination = Any(random, network, v6);
            if (protocol is 6 or 17)
            {
                forward.Flags |= HeaderFlags.PortsKnown;
                forward.SourcePort = (ushort)(40_000 + random.Next(6));
                forward.DestinationPort = (ushort)ServerPorts[random.Next(ServerPorts.Length)];
            }
            else if (protocol is 1 or 58)
            {
                forward.Flags |= HeaderFlags.PortsKnown;
                bool query = random.Next(10) < 8;
                int type = query ? protocol == 58 ? 128 : new[] { 8, 8, 8, 13, 15, 17 }[random.Next(6)] : random.Next(256);
                // Neighbour discovery never reaches a judge: the parser ignores it.
                type = protocol == 58 && type is >= 133 and <= 137 ? 128 : type;
                forward.DestinationPort = (ushort)(type << 8 | (query ? 0 : random.Next(3)));
                bool carries = protocol == 58 ? type is 128 or 129 : type is 0 or 8 or (>= 13 and <= 18);
                forward.SourcePort = carries ? (ushort)random.Next(1, 4) : (ushort)0;
            }

            _forward = forward;
            Write(random, protocol);
        }

        internal bool Ended => _script.Count == 0;

        internal Headers Next(Random random)
        {
            (bool back, byte flags) = _script.Count > 0 ? _script.Dequeue() : (random.Next(2) == 0, (byte)(_forward.Protocol == 6 ? RandomFlags(random) : 0));
            Headers packet = _forward;
            if (back)
            {
                (packet.Source, packet.Destination) = (_forward.Destination, _forward.Source);
                if (packet.Protocol is 6 or 17)
                {
                    (packet.SourcePort, packet.DestinationPort) = (_forward.DestinationPort, _forward.SourcePort);
                }
                else if (packet.Protocol is 1 or 58)
                {
                    packet.DestinationPort = (packet.Protocol, _forward.IcmpType) switch
                    {
                        (1, 8) => 0,
                        (1, 13 or 15 or 17) => (ushort)((_forward.IcmpType + 1) << 8),
                        (58, 128) => 129 << 8,
                        _ => _forward.DestinationPort,
                    };
                }
            }

            packet.TcpFlags = flags;
            packet.WireLength = (uint)random.Next(60, 1500);
            if (random.Next(100) < 10)
            {
                Alias(random, ref packet);
            }

            return random.Next(100) < 8 ? Fragment(random, packet) : packet;
        }

        private static byte RandomFlags(Random random) =>
            new byte[] { TcpFlag.Syn, TcpFlag.Syn | TcpFlag.Ack, TcpFlag.Ack, TcpFlag.Ack, TcpFlag.Fin | TcpFlag.Ack, TcpFlag.Rst, TcpFlag.Rst | TcpFlag.Ack, 0, TcpFlag.Syn | TcpFlag.Fin, 0x3F }[random.Next(10)];

        private void Write(Random random, byte protocol)
        {
            if (protocol != 6)
            {
                for (int i = random.Next(1, 8); i > 0; i--)
                {
                    _script.Enqueue((random.Next(100) < 45, 0));
                }

                return;
            }

            if (random.Next(100) < 85)
            {
                _script.Enqueue((false, TcpFlag.Syn));
                _script.Enqueue((true, TcpFlag.Syn | TcpFlag.Ack));
                _script.Enqueue((false, TcpFlag.Ack));
            }

            for (int i = random.Next(0, 5); i > 0; i--)
            {
                _script.Enqueue((random.Next(2) == 0, TcpFlag.Ack));
            }

            switch (random.Next(5))
            {
                case 0:
                    _script.Enqueue((false, TcpFlag.Fin | TcpFlag.Ack));
                    _script.Enqueue((true, TcpFlag.Fin | TcpFlag.Ack));
                    _script.Enqueue((false, TcpFlag.Ack));
                    break;
                case 1:
                    _script.Enqueue((random.Next(2) == 0, TcpFlag.Rst));
                    break;
                case 2:
                    _script.Enqueue((true, TcpFlag.Fin | TcpFlag.Ack));
                    break;
            }

            if (random.Next(3) == 0)
            {
                _script.Enqueue((random.Next(2) == 0, TcpFlag.Syn));
                _script.Enqueue((random.Next(2) == 0, TcpFlag.Syn | TcpFlag.Ack));
                _script.Enqueue((false, TcpFlag.Ack));
            }
        }

        /// <summary>The same packet as another place on its way saw it: one end by its public address, or by its private one.</summary>
        private void Alias(Random random, ref Headers packet)
        {
            foreach (global::Dataplane.Topology.Model.NetworkInterface eni in _network.Network.Interfaces)
            {
                foreach (global::Dataplane.Topology.Model.InterfaceAddress address in eni.Addresses)
                {
                    if (address.Public is not { } known)
                    {
                        continue;
                    }

                    if (packet.Source == address.Private && random.Next(2) == 0)
                    {
                        packet.Source = known;
                    }
                    else if (packet.Destination == address.Private && random.Next(2) == 0)
                    {
                        packet.Destination = known;
                    }
                    else if (packet.Source == known && random.Next(2) == 0)
                    {
                        packet.Source = address.Private;
                    }
                    else if (packet.Destination == known && random.Next(2) == 0)
                    {
                        packet.Destination = address.Private;
                    }
                }
            }
        }

        private Headers Fragment(Random random, Headers packet)
        {
            if (_fragment != 0 && random.Next(2) == 0)
            {
                Headers later = packet;
                later.Source = _forward.Source;
                later.Destination = _forward.Destination;
                later.Flags = (later.Flags & HeaderFlags.Ipv6) | HeaderFlags.LaterFragment;
                later.SourcePort = later.DestinationPort = 0;
                later.TcpFlags = 0;
                later.FragmentProtocol = later.Protocol;
                later.FragmentId = random.Next(4) == 0 ? _fragment + 1 : _fragment;
                return later;
            }

            _fragment = (uint)random.Next(1, 5);
            packet.Flags |= HeaderFlags.FirstFragment;
            packet.FragmentId = _fragment;
            packet.FragmentProtocol = packet.Protocol;
            return packet;
        }
    }
}
