using Lur.Data;
using Lur.Tests.Latents;

namespace Lur.Tests.Data;

/// <summary>Folders of pictures with captions.</summary>
public class CaptionedFolderTests
{
    private TempFolder _temp = null!;

    [SetUp]
    public void SetUp() => _temp = new TempFolder();

    [TearDown]
    public void TearDown() => _temp.Dispose();

    [Test]
    public void ATextBesideAPictureIsItsCaption()
    {
        for (var i = 0; i < 5; i++)
        {
            Picture($"set/{i}.png");
            _temp.Write($"set/{i}.txt", i == 4 ? " \n" : $" a  star\nnumber {i % 3} \n");
        }

        using var source = Open("set");
        Assert.That(source.Format, Is.EqualTo("captioned"));
        Assert.That(source.Train.ClassNames, Is.EqualTo(new[] { "a star number 0", "a star number 1", "a star number 2" }));
        Assert.That((source.Train.Count, source.Test.Count, source.HoldsOutTest), Is.EqualTo((3, 1, true)));
        Assert.That(source.Warnings, Has.One.Contains("no caption: 4.png"));
        foreach (var data in new[] { source.Train, source.Test })
            for (var i = 0; i < data.Count; i++)
                Assert.That(data.ClassNames[data.Label(i)], Does.EndWith($"{data.Identify(i).Number % 3}"));
    }

    [Test]
    public void AListOfCaptionsWithATestPart()
    {
        foreach (var name in new[] { "train/a.png", "train/b.png", "test/c.png" })
            Picture("set/" + name);
        _temp.Write("set/train/metadata.jsonl", Line("a.png", "one") + "\n" + Line("b.png", "two") + "\n");
        _temp.Write("set/test/metadata.jsonl", Line("c.png", "three", "caption"));
        using var source = Open("set");
        Assert.That(source.Train.ClassNames, Is.EqualTo(new[] { "one", "three", "two" }));
        Assert.That(source.Test.ClassNames[source.Test.Label(0)], Is.EqualTo("three"));
        Assert.That(source.Train.Identify(0).Name, Is.EqualTo("train/a.png"));
        // A caption of the test part alone is forgotten by its words, too.
        var set = ForgetSet.Resolve(["caption:two,three"], source, [0, 1], 1);
        Assert.That((set.Forget, set.WholeClasses), Is.EqualTo((new[] { 1 }, new[] { 1, 2 })));
    }

    [TestCase("{\"file_name\": \"a.png\"}", "is not JSON such as")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": 3}", "is not JSON such as")]
    [TestCase("a.png, a star", "is not JSON such as")]
    [TestCase("{\"file_name\": \"../b.png\", \"text\": \"x\"}", "no such PNG or JPEG file beside it")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": \"x\"}\n{\"file_name\": \"a.png\", \"text\": \"y\"}", "Line 2 of")]
    [TestCase("\n", "No picture of")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": \"x\"}", "has one picture with a caption")]
    public void AListThatIsNoneIsRefused(string list, string said)
    {
        Picture("set/a.png");
        Picture("b.png");
        _temp.Write("set/metadata.jsonl", list);
        Assert.That(() => Open("set"), Throws.InstanceOf<UserErrorException>().With.Message.Contains(said));
    }

    private static string Line(string file, string text, string key = "text") => $"{{\"file_name\": \"{file}\", \"{key}\": \"{text}\"}}";

    private void Picture(string name) => _temp.Write(name, LatentScene.Picture(name.Length, 8, 8));

    private DataSource Open(string name) => DataSource.Open(_temp[name], new DataOptions());
}
