using System.Text.RegularExpressions;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Lur.Tests;

/// <summary>Tests to run: those of a list of ids.</summary>
internal sealed class StandaloneFilter : TestFilter
{
    private readonly HashSet<string> _ids;

    private StandaloneFilter(IEnumerable<ITest> tests) => _ids = tests.Select(t => t.Id).ToHashSet(StringComparer.Ordinal);

    /// <summary>Chooses.</summary>
    /// <param name="root">All tests.</param>
    /// <param name="name">What the full name matches; null for all.</param>
    /// <param name="shard">Which share of the classes, from 1, and of how many.</param>
    /// <param name="sample">Whether of each method the first case alone is taken.</param>
    /// <param name="beside">What is taken beside the sample.</param>
    public static StandaloneFilter Of(ITest root, Regex? name, (int Index, int Count) shard, bool sample, Regex? beside)
    {
        // An id names a test, and a test that is named runs, also one that is marked as explicit.
        var tests = Leaves(root).Where(t => !IsExplicit(t) && (name is null || name.IsMatch(t.FullName)));
        if (sample)
        {
            tests = tests
                .GroupBy(t => (t.ClassName, t.MethodName))
                .SelectMany(g => g.Where((t, i) => i == 0 || beside?.IsMatch(t.FullName) == true));
        }
        return new StandaloneFilter(Share([.. tests], shard));
    }

    /// <summary>A class stays together, because its tests share what it prepares; the largest is dealt first, each to the shard with the
    /// fewest tests so far.</summary>
    private static IEnumerable<ITest> Share(ITest[] tests, (int Index, int Count) shard)
    {
        var taken = new int[shard.Count];
        foreach (
            var group in tests
                .GroupBy(t => t.ClassName ?? "", StringComparer.Ordinal)
                .OrderByDescending(g => g.Count())
                .ThenBy(g => g.Key, StringComparer.Ordinal)
        )
        {
            var least = Array.IndexOf(taken, taken.Min());
            taken[least] += group.Count();
            if (least != shard.Index - 1)
                continue;
            foreach (var test in group)
                yield return test;
        }
    }

    public override bool Match(ITest test) => !test.IsSuite && _ids.Contains(test.Id);

    public override TNode AddToXml(TNode parentNode, bool recursive) => parentNode.AddElement("id", string.Join(',', _ids));

    private static bool IsExplicit(ITest? test) => test is not null && (test.RunState == RunState.Explicit || IsExplicit(test.Parent));

    private static IEnumerable<ITest> Leaves(ITest test) => test.IsSuite ? test.Tests.SelectMany(Leaves) : [test];
}
