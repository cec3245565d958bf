using System.Diagnostics;
using Lur.Data;

namespace Lur.Tests.Data;

/// <summary>What a folder of images holds, under the names and beside the litter that folders have.</summary>
public class FolderLayoutTests
{
    private static byte[] Png(int salt) => PngWriter.Encode(4, 4, 3, [.. Enumerable.Range(0, 48).Select(i => (byte)(i + 60 * salt))]);

    private static void Classes(TempFolder folder, string part, int count, params string[] names)
    {
        foreach (var name in names)
            for (var i = 0; i < count; i++)
                folder.Write($"{part}{name}/{i}.png", Png(i % 4));
    }

    [TestCase("Train", "Test")]
    [TestCase("TRAIN", "VAL")]
    [TestCase("Training", "Testing")]
    [TestCase("training_set", "test_set")]
    [TestCase("train", "Validation")]
    [TestCase("seg_train/seg_train", "seg_test/seg_test")]
    [TestCase("images/train", "images/val")]
    [TestCase("archive/dataset/Train", "archive/dataset/valid")]
    public void PartsHaveTheirUsualNamesInAnyCase(string train, string test)
    {
        using var folder = new TempFolder();
        Classes(folder, train + "/", 3, "cat", "dog");
        Classes(folder, test + "/", 2, "cat", "dog");
        using var source = DataSource.Open(folder.Path);
        Assert.That(source.Train.ClassNames, Is.EqualTo(new[] { "cat", "dog" }));
        Assert.That((source.Train.Count, source.Test.Count), Is.EqualTo((6, 4)));
        Assert.That(source.TestOrigin, Is.EqualTo(folder[test]));
        Assert.That(source.Warnings, Is.Empty);
    }

    [TestCase("test/1.png")]
    [TestCase("test/unknown/1.png")]
    public void ATestPartWithoutLabelsGivesWayToTheValidationPart(string unlabelled)
    {
        using var folder = new TempFolder();
        Classes(folder, "train/", 4, "cat", "dog");
        folder.Write(unlabelled, Png(0));
        using (var held = DataSource.Open(folder.Path))
        {
            Assert.That((held.Train.Count, held.Test.Count), Is.EqualTo((6, 2)));
            Assert.That(held.Warnings, Has.One.Contains("test' is not read").And.One.Contains("held out"));
        }
        Classes(folder, "val/", 1, "cat", "dog");
        using var source = DataSource.Open(folder.Path);
        Assert.That((source.Train.Count, source.Test.Count, source.TestOrigin), Is.EqualTo((8, 2, folder["val"])));
        Assert.That(source.Warnings, Has.One.Contains("test' is not read").And.One.Contains("'val'"));
    }

    [Test]
    public void AValidationPartAloneIsDivided()
    {
        using var folder = new TempFolder();
        Classes(folder, "val/", 5, "cat", "dog");
        using (var source = DataSource.Open(folder.Path))
            Assert.That((source.Train.Count, source.Test.Count, source.Train.ClassNames[0]), Is.EqualTo((8, 2, "cat")));
        folder.Write("test/1.png", Png(0));
        using var beside = DataSource.Open(folder.Path);
        Assert.That((beside.Train.Count, beside.Test.Count), Is.EqualTo((8, 2)));
        Assert.That(beside.Warnings, Has.One.Contains("no training part").And.One.Contains("test' is not read"));
    }

    [Test]
    public void AClassMayBeCalledTrain()
    {
        using var folder = new TempFolder();
        Classes(folder, "", 5, "bus", "car", "train");
        using var source = DataSource.Open(folder.Path);
        Assert.That(source.Train.ClassNames, Is.EqualTo(new[] { "bus", "car", "train" }));
    }

    [Test]
    public void PicturesWithoutClassesAreNoClasses()
    {
        using var folder = new TempFolder();
        folder.Write("train/1.png", Png(0));
        folder.Write("test/2.png", Png(1));
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("(test, train) hold no class folders"));
    }

    [Test]
    public void PicturesBesideClassFoldersAreNamed()
    {
        using var folder = new TempFolder();
        Classes(folder, "train/", 4, "a", "b");
        Classes(folder, "test/", 2, "a", "b");
        folder.Write("train/all.png", Png(1));
        folder.Write("test/all.webp", "RIFF....WEBPVP8 ");
        folder.Write("cover.jpg", Png(1));
        folder.Write("notes.txt", "words");
        using (var source = DataSource.Open(folder.Path))
        {
            Assert.That((source.Train.Count, source.Test.Count), Is.EqualTo((8, 4)));
            Assert.That(source.Train.ClassNames, Is.EqualTo(new[] { "a", "b" }));
            foreach (var name in new[] { "cover.jpg", "train/all.png", "test/all.webp" })
                Assert.That(source.Warnings, Has.One.Match($"^1 picture is not read, because it lies beside .*: {name}; move "));
        }

        Directory.Delete(folder["test"], recursive: true);
        using (var alone = DataSource.Open(folder.Path))
            Assert.That((alone.Train.Count, alone.Test.Count, alone.Train.ClassNames.Count), Is.EqualTo((6, 2, 2)));
        // With other classes beside it, it is one.
        Classes(folder, "", 4, "bus", "car");
        using var classes = DataSource.Open(folder.Path);
        Assert.That(classes.Train.ClassNames, Is.EqualTo(new[] { "bus", "car", "train" }));
    }

    [Test]
    public void FoldersThatAllHoldTheClassesAreDoubted()
    {
        using var folder = new TempFolder();
        Classes(folder, "fold1/", 3, "cat", "dog");
        Classes(folder, "fold2/", 3, "cat", "dog");
        using (var source = DataSource.Open(folder.Path))
            Assert.That(source.Warnings, Has.One.Contains("taken as classes (fold1, fold2)").And.One.Contains("(cat, dog)"));
        Classes(folder, "fold3/", 3, "cat", "bird");
        using var other = DataSource.Open(folder.Path);
        Assert.That(other.Warnings, Is.Empty, "one name in common may be chance");
    }

    [Test]
    public void HiddenFilesAndFoldersAreLeftOutAtEveryDepth()
    {
        using var folder = new TempFolder();
        Classes(folder, "", 5, "a", "b");
        foreach (
            var hidden in new[]
            {
                "a/.ipynb_checkpoints/0-checkpoint.png",
                "a/deep/.cache/1.png",
                "__MACOSX/a/._1.png",
                "a/__MACOSX/2.png",
                "a/._0.png",
                "b/@eaDir/3.png",
                ".git/x/4.png",
            }
        )
            folder.Write(hidden, Png(0));
        folder.Write("a/Thumbs.db", [0xD0, 0xCF, 0x11, 0xE0]);
        folder.Write("b/desktop.ini", "[x]");
        folder.Write("b/notes.txt", "no picture");
        using var source = DataSource.Open(folder.Path);
        Assert.That(source.Train.ClassNames, Is.EqualTo(new[] { "a", "b" }));
        Assert.That((source.Train.Count, source.Test.Count), Is.EqualTo((8, 2)));
        Assert.That(source.Warnings, Is.Empty);
    }

    [Test]
    public void EveryPictureIsReadOrNamed()
    {
        using var folder = new TempFolder();
        foreach (var name in new[] { "1.jpg", "2.jpeg", "3.JPE", "4.jfif", "5", "6.0001" })
            folder.Write($"a/{name}", JpegFixtures.Baseline);
        // The content decides, not the name.
        folder.Write("a/7.jpg", PngWriter.Encode(20, 12, 3, new byte[720]));
        folder.Write("a/8.webp", "RIFF....WEBPVP8 ");
        folder.Write("a/9.png", "RIFF....WEBPVP8 ");
        folder.Write("a/10.GIF", "GIF89a");
        folder.Write("a/11.bmp", "BM");
        folder.Write("a/12.png.bak", PngWriter.Encode(20, 12, 3, new byte[720]));
        folder.Write("a/README", "words");
        using var set = ImageFolderDataset.Open(folder.Path);
        Assert.That(
            Enumerable.Range(0, set.Count).Select(set.RelativePath),
            Is.EquivalentTo(new[] { "a/1.jpg", "a/2.jpeg", "a/3.JPE", "a/4.jfif", "a/5", "a/6.0001", "a/7.jpg" })
        );
        Assert.That(set.Warnings, Has.Count.EqualTo(2));
        Assert.That(set.Warnings[0], Does.StartWith("4 pictures are not read").And.Contain("a/10.GIF, a/11.bmp, a/8.webp, a/9.png"));
        Assert.That(set.Warnings[1], Does.StartWith("1 picture is not read").And.Contain("a/12.png.bak"));
    }

    [Test]
    public void LinksThatLeadBackAreNotFollowed()
    {
        using TempFolder folder = new(),
            outside = new();
        Classes(folder, "", 5, "a", "b");
        outside.Write("more/extra.png", Png(3));
        File.CreateSymbolicLink(outside["more/again"], outside["more"]);
        File.CreateSymbolicLink(folder["a/loop"], ".");
        File.CreateSymbolicLink(folder["a/up"], "..");
        File.CreateSymbolicLink(folder["b/other"], "../a");
        File.CreateSymbolicLink(folder["whole"], ".");
        File.CreateSymbolicLink(folder["b/out"], outside["more"]);
        File.CreateSymbolicLink(folder["b/file.png"], outside["more/extra.png"]);
        using var source = DataSource.Open(folder.Path);
        Assert.That(source.Train.ClassNames, Is.EqualTo(new[] { "a", "b" }));
        // Five each, and in b the link to a file and the folder outside, once.
        Assert.That(source.Train.Count + source.Test.Count, Is.EqualTo(12));
        Assert.That(source.Warnings, Has.One.Contains("lead back into the data set").And.One.Contains("a/loop"));
    }

    [Test]
    public void AClassOfTheTestPartThatIsALinkToTheTrainingPartIsNotTested()
    {
        using var folder = new TempFolder();
        Classes(folder, "train/", 4, "a", "b");
        Classes(folder, "test/", 2, "a");
        File.CreateSymbolicLink(folder["test/b"], "../train/b");
        using var source = DataSource.Open(folder.Path);
        Assert.That((source.Train.Count, source.Test.Count), Is.EqualTo((8, 2)));
        Assert.That(source.Warnings, Has.One.Contains("test/b"));
    }

    [Test]
    public void APipeAmongThePicturesIsOneSentenceAtOnce([Values("a/9.png", "a/9")] string name)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Ignore("There are no named pipes.");
        using var folder = new TempFolder();
        Classes(folder, "", 2, "a", "b");
        using (var made = Process.Start("mkfifo", [folder[name]]))
            made.WaitForExit();
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain(name).And.Contain("is a named pipe, not a regular file"));
        var error = Assert.Throws<UserErrorException>(() =>
            ForgetSet.Resolve([folder[name]], new SyntheticDataset(30, 1, SyntheticPart.Train), [0, 1, 2], 1)
        );
        Assert.That(error!.Message, Does.Contain("is a named pipe"));
    }

    [TestCase(@"cp a/1.png a/$(printf '9\377').png")]
    [TestCase(@"cp a/1.png a/$(printf '\377')")]
    [TestCase(@"mkdir $(printf 'c\351')")]
    public void ANameThatIsNotUtf8IsSaidToBeThat(string make)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Ignore("Names are of characters.");
        using var folder = new TempFolder();
        Classes(folder, "", 2, "a", "b");
        folder.Write("a/1.png", Png(1));
        // By right in a name: it opens.
        folder.Write("a/\uFFFD.png", Png(2));
        using (DataSource.Open(folder.Path)) { }
        using (var made = Process.Start(new ProcessStartInfo("sh", ["-c", make]) { WorkingDirectory = folder.Path })!)
            made.WaitForExit();
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("a name that is not UTF-8").And.Contain("rename it"));
        // Not .NET: it cannot delete what it cannot name.
        using var removed = Process.Start("sh", ["-c", $"rm -rf '{folder.Path}'/*"]);
        removed.WaitForExit();
    }

    [Test]
    public void TheFolderThatTorchvisionMakesIsFound()
    {
        using var folder = new TempFolder();
        Write("MNIST/raw/", folder);
        folder.Write("MNIST/processed/training.pt", "x");
        using (var source = DataSource.Open(folder.Path))
            Assert.That((source.Format, source.Train.Count, source.Test.Count), Is.EqualTo(("idx", 31, 12)));
        Write("FashionMNIST/raw/", folder);
        Assert.That(CifarDatasetTests.Message(folder.Path), Does.Contain("several data sets").And.Contain("FashionMNIST/raw"));

        static void Write(string part, TempFolder folder)
        {
            folder.Write(part + "train-images-idx3-ubyte", IdxDatasetTests.Images(31));
            folder.Write(part + "train-labels-idx1-ubyte", IdxDatasetTests.Labels(31));
            folder.Write(part + "t10k-images-idx3-ubyte", IdxDatasetTests.Images(12));
            folder.Write(part + "t10k-labels-idx1-ubyte", IdxDatasetTests.Labels(12));
        }
    }

    [Test]
    public void OnePictureAClassLeavesNothingToTestWith()
    {
        using var folder = new TempFolder();
        Classes(folder, "", 1, "a", "b", "c");
        using var source = DataSource.Open(folder.Path);
        var error = Assert.Throws<UserErrorException>(source.RequireTest);
        Assert.That(error!.Message, Does.Contain("test part of folder is empty").And.Contain("has one sample"));
        using var one = new TempFolder();
        Classes(one, "", 5, "a");
        using var single = DataSource.Open(one.Path);
        error = Assert.Throws<UserErrorException>(single.RequireClasses);
        Assert.That(error!.Message, Does.Contain("one class, 'a'").And.Contain("at least two"));
    }

    [Test]
    public void AModelGivesTheSizeUnlessAnOptionDoes()
    {
        using var folder = new TempFolder();
        Classes(folder, "", 3, "a", "b");
        folder.Write("a/9.png", PngWriter.Encode(9, 7, 3, new byte[189]));
        var options = new DataOptions { Spell = o => "--" + o };
        var error = Assert.Throws<UserErrorException>(() => DataSource.Open(folder.Path, options).Dispose());
        Assert.That(error!.Message, Does.Contain("differ in size").And.Contain("the option --image-size"));
        using (var source = DataSource.Open(folder.Path, options with { ModelSize = (6, 8) }))
            Assert.That((source.Train.Height, source.Train.Width), Is.EqualTo((6, 8)));
        using var both = DataSource.Open(folder.Path, options with { ModelSize = (6, 8), ImageSize = 5 });
        Assert.That((both.Train.Height, both.Train.Width), Is.EqualTo((5, 5)));
    }
}
