namespace Lur.Tests;

/// <summary>The operators of the library are those of System.Linq.</summary>
public class SequencesTests
{
    private static readonly int[][] s_numbers =
    [
        [],
        [4],
        [3, 1, 2],
        [5, 5, 1, 5, 0, 1, 2, 3, 4, 9, -1],
    ];

    [TestCaseSource(nameof(s_numbers))]
    public void EachGivesWhatThatOfTheSystemGives(int[] x)
    {
        Same(Sequences.Select(x, n => n + 0.5), Enumerable.Select(x, n => n + 0.5));
        Same(Sequences.Select(x, (n, i) => (n, i)), Enumerable.Select(x, (n, i) => (n, i)));
        Same(Sequences.Where(x, n => n > 2), Enumerable.Where(x, n => n > 2));
        Same(
            Sequences.SelectMany(x, n => Enumerable.Range(0, Math.Max(0, n))),
            Enumerable.SelectMany(x, n => Enumerable.Range(0, Math.Max(0, n)))
        );
        Same(Sequences.Concat(x, [7]), Enumerable.Concat(x, [7]));
        Same(Sequences.Append(x, 7), Enumerable.Append(x, 7));
        Same(Sequences.Prepend(x, 7), Enumerable.Prepend(x, 7));
        for (var n = -1; n < x.Length + 2; n++)
        {
            Same(Sequences.Skip(x, n), Enumerable.Skip(x, n));
            Same(Sequences.Take(x, n), Enumerable.Take(x, n));
        }

        foreach (var other in s_numbers)
        {
            Same(Sequences.Zip(x, other), Enumerable.Zip(x, other));
            Same(Sequences.Zip(x, other, (a, b) => a - b), Enumerable.Zip(x, other, (a, b) => a - b));
        }

        foreach (var test in new Func<int, bool>[] { n => n > 2, n => n > 100, n => n < 100, n => n == 3 })
        {
            Assert.That(Sequences.Any(x, test), Is.EqualTo(Enumerable.Any(x, test)));
            Assert.That(Sequences.All(x, test), Is.EqualTo(Enumerable.All(x, test)));
            Assert.That(Sequences.Count(x, test), Is.EqualTo(Enumerable.Count(x, test)));
            Assert.That(Sequences.FirstOrDefault(x, test), Is.EqualTo(Enumerable.FirstOrDefault(x, test)));
            SameOrFailure(() => Sequences.First(x, test), () => Enumerable.First(x, test));
            SameOrFailure(() => Sequences.Single(x, test), () => Enumerable.Single(x, test));
        }

        Assert.That(Sequences.Any(x), Is.EqualTo(x.Length > 0));
        Assert.That(Sequences.FirstOrDefault(x), Is.EqualTo(Enumerable.FirstOrDefault(x)));
        SameOrFailure(() => Sequences.First(x), () => Enumerable.First(x));
    }

    [TestCaseSource(nameof(s_numbers))]
    public void OrdersAreStable(int[] numbers)
    {
        (int Key, int Place)[] x = [.. Enumerable.Select(numbers, (n, i) => (n, i))];
        Same(Sequences.OrderBy(x, p => p.Key), Enumerable.OrderBy(x, p => p.Key));
        Same(Sequences.OrderByDescending(x, p => p.Key), Enumerable.OrderByDescending(x, p => p.Key));
        Same(Sequences.OrderBy(x, p => p.Key % 2).ThenBy(p => p.Key), Enumerable.OrderBy(x, p => p.Key % 2).ThenBy(p => p.Key));
        Same(
            Sequences.OrderByDescending(x, p => p.Key % 2).ThenByDescending(p => p.Key / 2),
            Enumerable.OrderByDescending(x, p => p.Key % 2).ThenByDescending(p => p.Key / 2)
        );
        Same(Sequences.Order(numbers), Enumerable.Order(numbers));
        string[] words = [.. Enumerable.Select(numbers, n => n % 2 == 0 ? $"a{n}" : $"B{n}")];
        Same(Sequences.Order(words, StringComparer.Ordinal), Enumerable.Order(words, StringComparer.Ordinal));
        Same(
            Sequences.OrderBy(words, w => w, StringComparer.OrdinalIgnoreCase),
            Enumerable.OrderBy(words, w => w, StringComparer.OrdinalIgnoreCase)
        );
    }

    [Test]
    public void NothingIsAskedBeforeItIsNeeded()
    {
        IEnumerable<int> Endless()
        {
            for (var i = 0; ; i++)
                yield return i < 10 ? i : throw new InvalidOperationException("Too far.");
        }

        Assert.That(Sequences.Take(Sequences.Select(Endless(), n => n * 2), 10), Is.EqualTo(new[] { 0, 2, 4, 6, 8, 10, 12, 14, 16, 18 }));
        Assert.That(Sequences.First(Sequences.Where(Endless(), n => n > 8)), Is.EqualTo(9));
        Assert.That(Sequences.Any(Endless(), n => n == 9) && Sequences.Any(Endless()));
    }

    private static void Same<T>(IEnumerable<T> actual, IEnumerable<T> expected)
    {
        Assert.That(actual, Is.EqualTo(expected));
        // And once more: a sequence can be gone through again.
        Assert.That(actual, Is.EqualTo(expected));
    }

    private static void SameOrFailure(Func<int> actual, Func<int> expected)
    {
        int? wanted;
        try
        {
            wanted = expected();
        }
        catch (InvalidOperationException)
        {
            wanted = null;
        }

        if (wanted is null)
            Assert.That(() => actual(), Throws.InvalidOperationException);
        else
            Assert.That(actual(), Is.EqualTo(wanted));
    }
}
