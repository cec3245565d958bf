using System.Text.RegularExpressions;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Lur.Tests;

/// <summary>Which tests the runner without an SDK takes, of those of this assembly.</summary>
public class StandaloneFilterTests
{
    [TestCase(1)]
    [TestCase(3)]
    [TestCase(8)]
    public void ShardsTakeEveryTestOnceAndKeepClassesTogether(int count)
    {
        var (root, tests) = Tests();
        var filters = Enumerable.Range(1, count).Select(i => StandaloneFilter.Of(root, null, (i, count), sample: false, null)).ToArray();
        var taken = tests.Select(t => (Test: t, Shards: filters.Count(f => f.Match(t)), Shard: Array.FindIndex(filters, f => f.Match(t))));
        Assert.That(taken.Where(t => t.Shards != (IsExplicit(t.Test) ? 0 : 1)).Select(t => t.Test.FullName), Is.Empty);
        var classes = taken.Where(t => t.Shard >= 0).GroupBy(t => t.Test.ClassName!).ToArray();
        Assert.That(classes.Where(c => c.Select(t => t.Shard).Distinct().Count() > 1).Select(c => c.Key), Is.Empty);
        // The last class that a shard got went to the one with the fewest tests: no two are further apart than a class.
        var sizes = filters.Select(f => tests.Count(f.Match)).ToArray();
        Assert.That(sizes.Max() - sizes.Min(), Is.LessThanOrEqualTo(classes.Max(c => c.Count())));
    }

    [Test]
    public void ASampleIsTheFirstCaseOfEachMethodAndWhatIsNamedBeside()
    {
        var (root, tests) = Tests();
        var name = new Regex($@"^{Regex.Escape(typeof(StandaloneFilterTests).FullName!)}\.");
        string[] Taken(Regex? beside) =>
            [.. tests.Where(StandaloneFilter.Of(root, name, (1, 1), sample: true, beside).Match).Select(t => t.Name).Order()];
        string[] first =
        [
            nameof(ASampleIsTheFirstCaseOfEachMethodAndWhatIsNamedBeside),
            "ShardsTakeEveryTestOnceAndKeepClassesTogether(1)",
        ];
        Assert.That(Taken(null), Is.EqualTo(first));
        Assert.That(Taken(new Regex(@"Together\(8\)")), Is.EqualTo(first.Append("ShardsTakeEveryTestOnceAndKeepClassesTogether(8)")));
    }

    private static (ITest Root, ITest[] Tests) Tests()
    {
        ITest root = TestExecutionContext.CurrentContext.CurrentTest;
        while (root.Parent is { } parent)
            root = parent;
        IEnumerable<ITest> Leaves(ITest test) => test.IsSuite ? test.Tests.SelectMany(Leaves) : [test];
        return (root, [.. Leaves(root)]);
    }

    private static bool IsExplicit(ITest? test) => test is not null && (test.RunState == RunState.Explicit || IsExplicit(test.Parent));
}
