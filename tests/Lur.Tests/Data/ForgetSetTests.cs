using Lur.Data;

namespace Lur.Tests.Data;

public class ForgetSetTests
{
    private static readonly SyntheticDataset s_data = new(211, 1, SyntheticPart.Train);
    private static readonly DataSplit s_split = DataSplit.Create(s_data, 0.1, 1);

    private static ForgetSet Resolve(params string[] specifications) => ForgetSet.Resolve(specifications, s_data, s_split.Train, 3);

    private static string Fails(params string[] specifications) =>
        Assert.Throws<UserErrorException>(() => Resolve(specifications))!.Message;

    [TestCase("class:3")]
    [TestCase("class:star")]
    [TestCase("class:STAR")]
    public void AClassIsAllItsTrainingSamples(string specification)
    {
        var set = Resolve(specification);
        AssertPartition(set);
        Assert.That(set.Forget, Is.EqualTo(s_split.Train.Where(i => i % 10 == 3)));
        Assert.That(set.WholeClasses, Is.EqualTo(new[] { 3 }));
    }

    [TestCase("class:3,5")]
    [TestCase("class:5, 3,star")]
    [TestCase("class:star,ring")]
    public void ClassesWithCommasBetweenThemUnite(string specification)
    {
        var set = Resolve(specification);
        AssertPartition(set);
        Assert.That(set.Forget, Is.EqualTo(s_split.Train.Where(i => i % 10 is 3 or 5)));
        Assert.That(set.WholeClasses, Is.EqualTo(new[] { 3, 5 }));
        Assert.That(set.Sha256(), Is.EqualTo(Resolve("class:3", "class:5").Sha256()));
    }

    [TestCase("random:1", 1)]
    [TestCase("random:10%", 19)]
    [TestCase("random:0.5%", 1)]
    [TestCase("random:189", 189)]
    public void ARandomShareHasItsSize(string specification, int count)
    {
        Assert.That(s_split.Train, Has.Length.EqualTo(191));
        var set = Resolve(specification);
        AssertPartition(set);
        Assert.That(set.Forget, Has.Length.EqualTo(count));
        Assert.That(Resolve(specification).Forget, Is.EqualTo(set.Forget));
        Assert.That(set.Sha256(), Is.EqualTo(Resolve(specification).Sha256()));
    }

    [Test]
    public void RandomChoicesDependOnSeedAndDifferWithinOneUnion()
    {
        var other = ForgetSet.Resolve(["random:50"], s_data, s_split.Train, 4).Forget;
        Assert.That(Resolve("random:50").Forget, Is.Not.EqualTo(other));
        Assert.That(Resolve("random:50", "random:50").Forget.Length, Is.GreaterThan(50).And.LessThan(100));
        Assert.That(s_split.Validation.Intersect(Resolve("random:150").Forget), Is.Empty);
    }

    [Test]
    public void SpecificationsUnite()
    {
        var set = Resolve("class:0", "class:1", "random:10%", "class:0");
        AssertPartition(set);
        Assert.That(set.WholeClasses, Is.EqualTo(new[] { 0, 1 }));
        Assert.That(s_split.Train.Where(i => i % 10 < 2), Is.SubsetOf(set.Forget));
    }

    [Test]
    public void AFileOfIndicesRoundTrips()
    {
        using var folder = new TempFolder();
        int a = s_split.Train[5],
            b = s_split.Train[0];
        var set = Resolve(folder.Write("ids.txt", $"# heading\n\n {a}  # the fifth\r\n{b}\n"));
        Assert.That(set.Forget, Is.EqualTo(new[] { b, a }));
        var random = Resolve("random:17", "class:2");
        random.Save(folder["forget.txt"]);
        Assert.That(Resolve(folder["forget.txt"]).Forget, Is.EqualTo(random.Forget));
    }

    [TestCase("x", "line 2: 'x' is not an index")]
    [TestCase("1.5", "line 2: '1.5' is not an index")]
    [TestCase("99999999999999999999", "line 2: '99999999999999999999' is not an index")]
    [TestCase("-1", "line 2: index -1 is out of range, expected 0 to 210")]
    [TestCase("211", "line 2: index 211 is out of range, expected 0 to 210")]
    [TestCase("FIRST", "was given before, in line 1")]
    [TestCase("VALIDATION", "is in the validation part")]
    public void AWrongLineIsNamed(string line, string expected)
    {
        using var folder = new TempFolder();
        var text = line switch
        {
            "FIRST" => $"{s_split.Train[0]}",
            "VALIDATION" => $"{s_split.Validation[0]}",
            _ => line,
        };
        var path = folder.Write("ids.txt", $"{s_split.Train[0]}\n{text}\n");
        Assert.That(Fails(path), Does.Contain(path).And.Contain("line 2").And.Contain(expected));
    }

    [TestCase("class:dogs", "there is no class 'dogs'; did you mean 'dots'?")]
    [TestCase("class:zebra", "there is no class 'zebra'; the classes are 0 to 9: disc, square")]
    [TestCase("class:3,", "there is no class ''")]
    [TestCase("class:3,starr", "there is no class 'starr'; did you mean 'star'?")]
    [TestCase("class:10", "there is no class '10'")]
    [TestCase("class:", "there is no class ''")]
    [TestCase("class:-1", "there is no class '-1'")]
    [TestCase("random:0%", "above 0 and below 100")]
    [TestCase("random:100%", "above 0 and below 100")]
    [TestCase("random:-3%", "above 0 and below 100")]
    [TestCase("random:1e1%", "above 0 and below 100")]
    [TestCase("random:NaN%", "above 0 and below 100")]
    [TestCase("random:0.01%", "less than half a sample")]
    [TestCase("random:0", "from 1 to 191")]
    [TestCase("random:192", "from 1 to 191")]
    [TestCase("random:many", "from 1 to 191")]
    [TestCase("random:191", "Nothing is left to retain")]
    [TestCase("glob:*.png", "needs an image folder")]
    [TestCase("nowhere.txt", "no such file")]
    [TestCase("klass:3", "no such file")]
    public void AWrongSpecificationIsOneSentence(string specification, string expected) =>
        Assert.That(Fails(specification), Does.Contain(specification).And.Contain(expected));

    [Test]
    public void NothingGivenOrNothingNamedIsRefused()
    {
        using var folder = new TempFolder();
        Assert.That(Fails(), Does.Contain("Nothing to forget"));
        Assert.That(Fails(folder.Write("ids.txt", "# none\n")), Does.Contain("names no sample"));
    }

    private static void AssertPartition(ForgetSet set)
    {
        Assert.That(set.Forget.Concat(set.Retain).Order(), Is.EqualTo(s_split.Train));
        Assert.That(set.Forget, Is.Ordered);
        Assert.That(set.Retain, Is.Ordered);
    }
}
