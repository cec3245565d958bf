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
            Same(Sequences.Union(x, other), Enumerable.Union(x, other));
            Same(Sequences.Except(x, other), Enumerable.Except(x, other));
            Same(Sequences.Intersect(x, other), Enumerable.Intersect(x, other));
            Same(Sequences.SelectMany(x, _ => other, (a, b) => a - b), Enumerable.SelectMany(x, _ => other, (a, b) => a - b));
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
    public void SetsAndGroupsAreThoseOfTheSystem(int[] x)
    {
        Same(Sequences.Where(x, (n, i) => n > i), Enumerable.Where(x, (n, i) => n > i));
        Same(Sequences.Index(x), Enumerable.Index(x));
        Same(Sequences.Reverse(x), Enumerable.Reverse(x));
        Same(Sequences.TakeWhile(x, n => n > 2), Enumerable.TakeWhile(x, n => n > 2));
        Same(Sequences.Distinct(x), Enumerable.Distinct(x));
        Same(Sequences.DistinctBy(x, n => n % 3), Enumerable.DistinctBy(x, n => n % 3));
        Same(Sequences.DefaultIfEmpty(x), Enumerable.DefaultIfEmpty(x));
        Same(Sequences.DefaultIfEmpty(x, 7), Enumerable.DefaultIfEmpty(x, 7));
        Same(Sequences.CountBy(x, n => n % 3), Enumerable.CountBy(x, n => n % 3));
        for (var n = -1; n < x.Length + 2; n++)
            Same(Sequences.SkipLast(x, n), Enumerable.SkipLast(x, n));
        object?[] mixed =
        [
            .. Enumerable.Select(
                x,
                n =>
                    n % 2 == 0 ? (object?)n
                    : n < 4 ? "text"
                    : null
            ),
        ];
        Same(Sequences.OfType<int>(mixed), Enumerable.OfType<int>(mixed));
        Same(Sequences.OfType<string>(mixed), Enumerable.OfType<string>(mixed));
        Same(
            Sequences.Select(Sequences.GroupBy(x, n => n % 3), g => (g.Key, string.Join(' ', g))),
            Enumerable.Select(Enumerable.GroupBy(x, n => n % 3), g => (g.Key, string.Join(' ', g)))
        );
        string[] words =
        [
            .. Enumerable.Select(
                x,
                n =>
                    n % 2 == 0 ? "even"
                    : n < 4 ? "EVEN"
                    : $"{n}"
            ),
        ];
        Same(Sequences.Distinct(words, StringComparer.OrdinalIgnoreCase), Enumerable.Distinct(words, StringComparer.OrdinalIgnoreCase));
        Same(
            Sequences.Except(words, ["Even"], StringComparer.OrdinalIgnoreCase),
            Enumerable.Except(words, ["Even"], StringComparer.OrdinalIgnoreCase)
        );
    }

    [Test]
    public void NumbersAndRepetitionsAreThoseOfTheSystem()
    {
        foreach (var count in new[] { 0, 1, 5 })
        {
            Same(Sequences.Range(-2, count), Enumerable.Range(-2, count));
            Same(Sequences.Repeat("x", count), Enumerable.Repeat("x", count));
        }

        Assert.That(() => Sequences.Range(0, -1), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => Sequences.Repeat('x', -1), Throws.TypeOf<ArgumentOutOfRangeException>());
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
