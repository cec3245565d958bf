using System.Security.Cryptography;
using Lur.Data;

namespace Lur.Tests.Data;

/// <summary>A sample has one name: by it, by its number on disk and by its content it is found, whatever is held out.</summary>
public class SampleIdTests
{
    // Two classes, each picture of one grey value: nothing equals anything else.
    private static byte[] Picture(int value)
    {
        var pixels = new byte[8 * 8 * 3];
        pixels.AsSpan().Fill((byte)value);
        pixels[0] = 255;
        return PngWriter.Encode(8, 8, 3, pixels);
    }

    private static void WriteFolder(TempFolder folder, string part = "data/", int count = 10)
    {
        for (var i = 0; i < 2 * count; i++)
            folder.Write($"{part}{(i < count ? "ant" : "bee")}/{i % count:000}.png", Picture(10 * i));
    }

    private static ForgetSet Resolve(DataSource source, DataSplit split, params string[] specifications) =>
        ForgetSet.Resolve(specifications, source, split.Train, 1);

    private static string Fails(DataSource source, DataSplit split, params string[] specifications) =>
        Assert.Throws<UserErrorException>(() => Resolve(source, split, specifications))!.Message;

    [Test]
    public void NumbersCountTheFolderAsItLiesOnDisk()
    {
        using var folder = new TempFolder();
        WriteFolder(folder);
        using var source = DataSource.Open(folder["data"]);
        var split = DataSplit.Create(source.Train, 0.2, 1);
        Assert.That((source.Train.Count, source.Test.Count, split.Validation.Length), Is.EqualTo((16, 4, 4)));
        var byNumber = Enumerable.Range(0, 20).ToDictionary(i => i, i => $"{(i < 10 ? "ant" : "bee")}/{i % 10:000}.png");
        int trained = 0,
            test = 0,
            validation = 0;
        foreach (var (number, name) in byNumber)
        foreach (
            var asked in new[]
            {
                $"sample:{number}",
                $"sample:{name}",
                name,
                folder["data/" + name],
                folder.Write("ids.txt", $"{number}\n"),
                folder.Write("names.txt", $"{name}  # this one\n"),
            }
        )
        {
            try
            {
                var set = Resolve(source, split, asked);
                Assert.That(
                    set.Samples.Select(s => (s.Id, s.ClassName)),
                    Is.EqualTo(new[] { (new SampleId(number, name), name[..3]) }),
                    asked
                );
                Assert.That(
                    set.Samples[0].Sha256,
                    Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(folder["data/" + name]))))
                );
                Assert.That(source.Train.RelativePath(set.Forget[0]), Is.EqualTo(name));
                trained++;
            }
            catch (UserErrorException e)
            {
                Assert.That(
                    e.Message,
                    Does.Contain($"sample {number} ('{name}') was held out").And.Contain("the model never saw it"),
                    asked
                );
                test += e.Message.Contains("in the test part") ? 1 : 0;
                validation += e.Message.Contains("in the validation part") ? 1 : 0;
            }
        }
        Assert.That((trained, test, validation), Is.EqualTo((6 * 12, 6 * 4, 6 * 4)), "every number means something");
        Assert.That(Fails(source, split, "sample:20"), Does.Contain("expected 0 to 19"));
        Assert.That(Fails(source, split, "sample:ant/777.png"), Does.Contain("no sample of that name"));
        Assert.That(Fails(source, split, folder.Write("other.png", Picture(1))), Does.Contain("a picture that is not in the data set"));
    }

    [Test]
    public void APictureOfAPartThatIsNotReadIsNoSample()
    {
        using var folder = new TempFolder();
        WriteFolder(folder, "archive/train/");
        WriteFolder(folder, "archive/test/", 3);
        WriteFolder(folder, "archive/val/", 3);
        WriteFolder(folder, "archive/train/ant/ant/", 3);
        using var source = DataSource.Open(folder.Path);
        var split = DataSplit.Create(source.Train, 0, 1);
        foreach (var other in new[] { "archive/val/ant/001.png", "archive/ant/001.png", "ant/001.png" })
        {
            folder.Write(other, Picture(3));
            Assert.That(Fails(source, split, folder[other]), Does.Contain("a picture that is not in the data set"), other);
        }
        foreach (
            var (path, name) in new[]
            {
                ("archive/train/ant/001.png", "train/ant/001.png"),
                ("archive/train/x/../bee/002.png", "train/bee/002.png"),
            }
        )
            Assert.That(Resolve(source, split, folder[path]).Samples[0].Id.Name, Is.EqualTo(name));
        Assert.That(Fails(source, split, folder["archive/test/ant/001.png"]), Does.Contain("'test/ant/001.png'").And.Contain("held out"));
    }

    [Test]
    public void APatternSaysWhatWasHeldOut()
    {
        using var folder = new TempFolder();
        WriteFolder(folder);
        using var source = DataSource.Open(folder["data"]);
        var split = DataSplit.Create(source.Train, 0, 1);
        var heldOut = source.Test.Identify(0);
        Assert.That(Fails(source, split, "glob:" + heldOut.Name), Does.Contain($"sample {heldOut} was held out: it is in the test part"));
        var set = Resolve(source, split, "glob:ant/*");
        Assert.That(set.Forget, Has.Length.EqualTo(8));
        Assert.That(set.Notes, Has.Count.EqualTo(1));
        Assert.That(set.Notes[0], Does.Contain("2 more").And.Contain(heldOut.ToString()).And.Contain("test part"));
    }

    [Test]
    public void ATestPartOfItsOwnCountsForItself()
    {
        using var folder = new TempFolder();
        WriteFolder(folder, "train/");
        WriteFolder(folder, "test/", 3);
        using var source = DataSource.Open(folder.Path);
        var split = DataSplit.Create(source.Train, 0, 1);
        Assert.That(source.Train.Identify(12), Is.EqualTo(new SampleId(12, "train/bee/002.png")));
        Assert.That(source.Test.Identify(4), Is.EqualTo(new SampleId(4, "test/bee/001.png")));
        foreach (var name in new[] { "train/bee/002.png", "bee/002.png", "glob:bee/002.png", "glob:train/bee/002.png", "sample:12" })
            Assert.That(Resolve(source, split, name).Forget, Is.EqualTo(new[] { 12 }), name);
        Assert.That(Resolve(source, split, "glob:bee/002.png").Notes, Is.Empty);
        foreach (var name in new[] { "test/bee/001.png", "glob:test/bee/001.png", "sample:test/bee/001.png" })
            Assert.That(
                Fails(source, split, name),
                Does.Contain("sample 4 ('test/bee/001.png') was held out: it is in the test part"),
                name
            );
        Assert.That(Fails(source, split, "sample:20"), Does.Contain("expected 0 to 19").And.Contain("the test part counts for itself"));
    }

    [Test]
    public void CifarNamesFileAndRecord()
    {
        using var folder = new TempFolder();
        CifarDatasetTests.WriteCifar10(folder);
        using var source = DataSource.Open(folder.Path);
        var split = DataSplit.Create(source.Train, 0, 1);
        Assert.That(source.Train.Identify(17), Is.EqualTo(new SampleId(17, "data_batch_1.bin#17")));
        Assert.That(source.Train.Identify(22), Is.EqualTo(new SampleId(22, "data_batch_2.bin#2")));
        var record = File.ReadAllBytes(folder["data_batch_2.bin"]).AsSpan(2 * 3073, 3073);
        Assert.That(source.Train.ContentSha256(22), Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(record))));
        Assert.That(
            Resolve(source, split, folder.Write("ids.txt", "data_batch_2.bin#2\n17# old comment\n")).Forget,
            Is.EqualTo(new[] { 17, 22 })
        );
        Assert.That(Resolve(source, split, "data_batch_2.bin#2").Forget, Is.EqualTo(new[] { 22 }));
        Assert.That(Fails(source, split, "sample:data_batch_1.bn#3"), Does.Contain("did you mean 'data_batch_1.bin#3'"));
        Assert.That(Fails(source, split, "sample:NAME"), Does.Contain("spelt as in 'data_batch_1.bin#0', and a number is one of 0 to 26"));
        Assert.That(Fails(source, split, "sample:test_batch.bin#3"), Does.Contain("sample 3 ('test_batch.bin#3') was held out"));
        Assert.That(Fails(source, split, folder.Write("ids.txt", "data_batch_3.bin#2\n")), Does.Contain("not the name of a sample"));
    }

    [Test]
    public void ARecordHasOneNamePackedAndUnpackedAndOneFileHoldsOut()
    {
        using var folder = new TempFolder();
        folder.Write("train-images-idx3-ubyte.gz", IdxDatasetTests.Gzip(IdxDatasetTests.Images(40)));
        folder.Write("train-labels-idx1-ubyte", IdxDatasetTests.Labels(40));
        using var source = DataSource.Open(folder["train-images-idx3-ubyte.gz"]);
        var split = DataSplit.Create(source.Train, 0, 1);
        var seen = source.Train.Identify(3);
        Assert.That(seen.Name, Is.EqualTo($"train-images-idx3-ubyte#{seen.Number}"));
        Assert.That(seen.Number, Is.GreaterThan(3), "records before it were held out");
        foreach (var name in new[] { $"sample:{seen.Number}", seen.Name, $"train-images-idx3-ubyte.gz#{seen.Number}" })
            Assert.That(Resolve(source, split, name).Forget, Is.EqualTo(new[] { 3 }), name);
        var pixels = IdxDatasetTests.Images(40).AsSpan(16 + 15 * seen.Number, 15);
        Assert.That(source.Train.ContentSha256(3), Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(pixels))));
        Assert.That(Fails(source, split, $"sample:{source.Test.Identify(1).Number}"), Does.Contain("in the test part"));
    }

    [Test]
    public void TheListOfARunIsReadAndRefusesOtherContent()
    {
        using var folder = new TempFolder();
        WriteFolder(folder);
        using (var source = DataSource.Open(folder["data"]))
        {
            var split = DataSplit.Create(source.Train, 0, 1);
            var set = Resolve(source, split, "class:ant");
            set.Save(folder["forget.txt"]);
            Assert.That(File.ReadLines(folder["forget.txt"]).ElementAt(2), Does.Match("^[0-9]+\tant/[0-9]{3}\\.png\tant\t[0-9a-f]{64}$"));
            Assert.That(Resolve(source, split, folder["forget.txt"]).Forget, Is.EqualTo(set.Forget));
        }

        // Names rotate: the same numbers, the same names, other pictures.
        File.Move(folder["data/ant/000.png"], folder["data/ant/keep"]);
        for (var i = 1; i < 10; i++)
            File.Move(folder[$"data/ant/{i:000}.png"], folder[$"data/ant/{i - 1:000}.png"]);
        File.Move(folder["data/ant/keep"], folder["data/ant/009.png"]);
        using (var source = DataSource.Open(folder["data"]))
            Assert.That(
                Fails(source, DataSplit.Create(source.Train, 0, 1), folder["forget.txt"]),
                Does.Contain("line 3: sample 1 ('ant/001.png') is not what it was").And.Contain("another SHA-256")
            );
    }

    [Test]
    public void ASampleUnderAnotherClassOrGoneIsRefusedByName()
    {
        using var folder = new TempFolder();
        WriteFolder(folder);
        using var source = DataSource.Open(folder["data"]);
        var split = DataSplit.Create(source.Train, 0, 1);
        var one = SampleRecord.Of(source.Train, 0);
        string Line(string name, string className) =>
            folder.Write(
                "forget.txt",
                $"# 1 samples to forget, 15 to retain: x\n# number\tname\tclass\tsha256\n"
                    + $"{one.Id.Number}\t{name}\t{className}\t{one.Sha256}\n"
            );
        Assert.That(Resolve(source, split, Line(one.Id.Name, "ant")).Forget, Is.EqualTo(new[] { 0 }));
        Assert.That(
            Fails(source, split, Line(one.Id.Name, "bee")),
            Does.Contain(one.Id.ToString()).And.Contain("its class is 'ant', not 'bee'")
        );
        Assert.That(
            Fails(source, split, Line("ant/gone.png", "ant")),
            Does.Contain($"no sample {one.Id.Number} ('ant/gone.png') any more")
        );
    }

    [Test]
    public void AListOfAnEarlierVersionIsReadWhereItsNumbersAreTheSame()
    {
        using var folder = new TempFolder();
        WriteFolder(folder, "whole/");
        WriteFolder(folder, "parts/train/");
        WriteFolder(folder, "parts/test/", 3);
        var list = folder.Write("forget.txt", "# 2 samples to forget, 14 to retain: class:ant\n0\n12\n");
        using (var source = DataSource.Open(folder["parts"]))
            Assert.That(Resolve(source, DataSplit.Create(source.Train, 0, 1), list).Forget, Is.EqualTo(new[] { 0, 12 }));
        using (var source = DataSource.Open(folder["whole"]))
            Assert.That(
                Fails(source, DataSplit.Create(source.Train, 0, 1), list),
                Does.Contain("earlier version of Lur").And.Contain("(class:ant)")
            );
    }

    [Test]
    public void NamesWithTabsAndLineBreaksSurvive()
    {
        using var folder = new TempFolder();
        WriteFolder(folder);
        folder.Write("data/ant/a\tb\nc\\d #1.png", Picture(99));
        using var source = DataSource.Open(folder["data"]);
        var split = DataSplit.Create(source.Train, 0, 1);
        var set = Resolve(source, split, "class:ant");
        Assert.That(set.Samples.Select(s => s.Id.Name), Does.Contain("ant/a\tb\nc\\d #1.png"));
        set.Save(folder["forget.txt"]);
        Assert.That(Resolve(source, split, folder["forget.txt"]).Forget, Is.EqualTo(set.Forget));
    }

    [Test]
    public void ADecomposedNameIsTheSameName()
    {
        using TempFolder composed = new(),
            decomposed = new();
        foreach (var (folder, e) in new[] { (composed, "\u00e9"), (decomposed, "e\u0301") })
            for (var i = 0; i < 12; i++)
                folder.Write($"{(i % 2 == 0 ? "f" : e)}/{e}{i:00}.png", Picture(i));
        using DataSource a = DataSource.Open(composed.Path),
            b = DataSource.Open(decomposed.Path);
        Assert.That(b.Train.ClassNames, Is.EqualTo(new[] { "f", "\u00e9" }));
        Assert.That(b.Train.Fingerprint(), Is.EqualTo(a.Train.Fingerprint()), "a copy by another system is the same data");
        Assert.That(b.Train.Identify(9), Is.EqualTo(a.Train.Identify(9)));
        var split = DataSplit.Create(b.Train, 0, 1);
        Assert.That(Resolve(b, split, "class:e\u0301").WholeClasses, Is.EqualTo(new[] { 1 }));
        Assert.That(Resolve(b, split, "glob:e\u0301/*").Forget, Is.EqualTo(Resolve(a, split, "class:\u00e9").Forget));
        Directory.CreateDirectory(decomposed["\u00e9"]);
        File.Copy(decomposed["f/e\u030100.png"], decomposed["\u00e9/x.png"]);
        Assert.That(
            Assert.Throws<UserErrorException>(() => DataSource.Open(decomposed.Path))!.Message,
            Does.Contain("two class folders named '\u00e9'")
        );
    }
}
