using Lur.Runs;
using Lur.Tests.Device;

namespace Lur.Tests.Runs;

public class DrawnBalanceTests
{
    [Test]
    public void EqualValuesShareTheirRanks()
    {
        Assert.That(DrawnBalance.Ranks([]), Is.Empty);
        Assert.That(DrawnBalance.Ranks([7]), Is.EqualTo(new[] { 1.0 }));
        Assert.That(DrawnBalance.Ranks([3, 1, 3, double.NaN, 0.5, 3]), Is.EqualTo(new[] { 4, 2, 4, 6.0, 1, 4 }));
        Assert.That(DrawnBalance.Ranks([double.NaN, 2, double.NaN]), Is.EqualTo(new[] { 2.5, 1, 2.5 }));
    }

    /// <summary>The mean place over sorted lists in which equals stand in any order.</summary>
    [TestCase(1)]
    [TestCase(13)]
    [TestCase(64)]
    public void RanksAreMeanPlaces(int count)
    {
        var random = TestRandom.ForCurrentTest();
        double[] values = [.. random.NormalArray(count).Select(v => Math.Round(v))];
        double[] sorted = [.. values.Order()];
        double Place(double v) => 1 + ((Array.IndexOf(sorted, v) + Array.LastIndexOf(sorted, v)) / 2.0);
        Assert.That(DrawnBalance.Ranks(values), Is.EqualTo(values.Select(Place)));
    }

    [Test]
    public void MoreUnlearningAndLessDistanceAreBetter()
    {
        // The first forgets most and breaks most, the second leads in neither and is second in both, the third keeps most.
        var (unlearning, distance, mean, balance) = DrawnBalance.Of([100, 98, 10, 97], [9, 2, 1, 3]);
        Assert.That(unlearning, Is.EqualTo(new[] { 1.0, 2, 4, 3 }));
        Assert.That(distance, Is.EqualTo(new[] { 4.0, 2, 1, 3 }));
        Assert.That(mean, Is.EqualTo(new[] { 2.5, 2, 2.5, 3 }));
        Assert.That(balance, Is.EqualTo(new[] { 2.5, 1, 2.5, 4 }));
    }
}
