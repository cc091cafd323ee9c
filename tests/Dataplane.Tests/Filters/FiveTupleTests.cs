using System;
using System.Linq;
using Dataplane.Compiler.FiveTuples;
using Dataplane.Filters;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Filters;

/// <summary>General rule lists: the first rule that matches, whatever the structure.</summary>
public sealed class FiveTupleTests
{
    [Theory]
    [InlineData(0, 200)]
    [InlineData(1, 200)]
    [InlineData(7, 2_000)]
    [InlineData(60, 10_000)]
    [InlineData(300, 10_000)]
    [InlineData(3_000, 10_000)]
    public void Every_header_gets_the_first_rule_that_matches_it(int count, int packets)
    {
        for (int seed = 0; seed < (LongRuns.IsOn ? 100 : 4); seed++)
        {
            Random random = new(seed * 7_919 + count);
            FiveTupleRule[] rules = FiveTupleLists.Odd(random, count);
            FiveTuple[] headers = FiveTupleLists.Headers(random, rules, packets);
            uint[] found = new uint[packets];
            FiveTupleCompiler.Compile(rules).Classifier.Classify(headers, found);
            for (int i = 0; i < packets; i++)
            {
                Assert.Equal((seed, headers[i], FiveTupleLists.First(rules, headers[i])), (seed, headers[i], found[i]));
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(FiveTupleClassifier.Chunk - 1)]
    [InlineData(FiveTupleClassifier.Chunk + 1)]
    [InlineData((2 * FiveTupleClassifier.Chunk) + 33)]
    public void The_number_of_packets_asked_at_once_changes_nothing(int packets)
    {
        Random random = new(packets);
        FiveTupleRule[] rules = FiveTupleLists.Odd(random, 500);
        FiveTuple[] headers = FiveTupleLists.Headers(random, rules, packets);
        uint[] found = [.. Enumerable.Repeat(uint.MaxValue, packets + 3)];
        FiveTupleCompiler.Compile(rules).Classifier.Classify(headers, found);
        Assert.Equal(headers.Select(header => FiveTupleLists.First(rules, header)).Concat(Enumerable.Repeat(uint.MaxValue, 3)), found);
    }

    [Fact]
    public void Room_for_fewer_results_is_refused_before_anything_is_written()
    {
        uint[] found = [7, 7];
        FiveTupleClassifier classifier = FiveTupleCompiler.Compile([]).Classifier;
        Assert.Throws<ArgumentException>(() => classifier.Classify(new FiveTuple[3], found));
        Assert.Equal([7, 7], found);
    }

    [Fact]
    public void A_long_list_is_built_soon_and_stays_small()
    {
        // Every rule with wildcards overlaps every other: what would blow a tree up.
        Random random = new(5);
        FiveTupleRule[] rules = FiveTupleLists.Odd(random, 10_000);
        TimeSpan then = Environment.CpuUsage.TotalTime;
        FiveTupleClassifier classifier = FiveTupleCompiler.Compile(rules).Classifier;
        TimeSpan took = Environment.CpuUsage.TotalTime - then;
        Assert.True(classifier.Bytes < 32_000_000, $"{classifier.Bytes} bytes");

        // The mark is 1.5 s; other tests run beside this one and count as well.
        Assert.True(took < TimeSpan.FromSeconds(6), $"{took}");
    }

    [Fact]
    public void Classifying_allocates_nothing()
    {
        Random random = new(6);
        FiveTupleRule[] rules = FiveTupleLists.Odd(random, 300);
        FiveTuple[] headers = FiveTupleLists.Headers(random, rules, 5_000);
        uint[] found = new uint[headers.Length];
        FiveTupleClassifier classifier = FiveTupleCompiler.Compile(rules).Classifier;
        classifier.Classify(headers, found);
        long before = GC.GetAllocatedBytesForCurrentThread();
        classifier.Classify(headers, found);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
