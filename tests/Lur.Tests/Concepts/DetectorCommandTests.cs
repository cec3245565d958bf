using Lur.Data;
using Lur.Tests.Data;
using Lur.Tests.Device;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Tests.Concepts;

/// <summary>A detector that is another program: here lines of a shell.</summary>
public class DetectorCommandTests
{
    private const string Loop = "for f in {dir}/*.png; do ";

    private static double[] Score(string command, int images = 3) =>
        new DetectorCommand(command).Score(new byte[images * 3 * 4 * 5], (3, 4, 5));

    [Test]
    public void ScoresAreThoseOfTheNames()
    {
        // Backwards, with the path of the file, words between and an empty line.
        const string command = "echo; i=1; for f in $(ls -r {dir}/*.png); do echo \"$f $i.5\"; i=$((i+1)); echo all is well; done";
        Assert.That(Score(command), Is.EqualTo(new[] { 3.5, 2.5, 1.5 }));
        Assert.That(Score(Loop + "echo \"$(basename $f) -1e-3\"; done", 1), Is.EqualTo(new[] { -1e-3 }));
    }

    [Test]
    public void TheFolderHasTheImages()
    {
        using var temp = new TempFolder();
        byte[] pixels = [.. TestRandom.ForCurrentTest().UniformArray(2 * 3 * 4 * 5, 0, 256).Select(x => (byte)x)];
        var detector = new DetectorCommand($"cp {{dir}}/* {temp.Path}; for f in {{dir}}/*; do echo $f 1; done");
        _ = detector.Score(pixels, (3, 4, 5));
        Assert.That(Directory.GetFiles(temp.Path).Select(Path.GetFileName).Order(), Is.EqualTo(new[] { "00000.png", "00001.png" }));
        var read = new byte[60];
        for (var i = 0; i < 2; i++)
        {
            ImageFile.Read(temp[$"0000{i}.png"], 3, 5, 4, read);
            Assert.That(read, Is.EqualTo(pixels[(60 * i)..(60 * (i + 1))]));
        }
    }

    [TestCase("true", "printed no number for 00000.png; it is to print a line 'NAME SCORE'")]
    [TestCase(Loop + "echo $f 1; done | head -2", "printed no number for 00002.png")]
    [TestCase(Loop + "echo $f high; done", "printed no number for 00000.png")]
    [TestCase(Loop + "echo $f nan; done", "printed no number for 00000.png")]
    [TestCase("echo first >&2; echo no such network. >&2; exit 3", "ended with 3 (no such network); run it by hand")]
    [TestCase("nowhere-to-be-found {dir}", "ended with 127")]
    public void AProgramThatFailsIsNamed(string command, string sentence)
    {
        var whole = command.Contains("{dir}", StringComparison.Ordinal) ? command : $": {{dir}}; {command}";
        Assert.That(
            () => Score(whole),
            Throws.TypeOf<UserErrorException>().With.Message.Contains(sentence).And.Message.StartsWith($"The detector '{whole}'")
        );
        Assert.That(Directory.GetDirectories(Path.GetTempPath(), "lur-detector-*"), Is.Empty, "nothing is left");
    }

    [Test]
    public void ACommandWithoutThePlaceOfTheFolderIsRefused() =>
        Assert.That(() => Score("look"), Throws.TypeOf<UserErrorException>().With.Message.Contains("has no {dir}"));

    [Test]
    public void ItIsStopped()
    {
        using var cancel = new CancellationTokenSource(200);
        var detector = new DetectorCommand(": {dir}; sleep 30");
        Assert.That(() => detector.Score(new byte[60], (3, 4, 5), cancel.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    /// <summary>A threshold makes sights of scores, and a judge beside it says what else there is.</summary>
    [Test]
    public void TheProgramDecidesAndTheJudgeSaysTheRest()
    {
        using var data = new CaptionedPictures(14);
        var command = new DetectorCommand("i=0; for f in {dir}/*.png; do echo $f 0.$((i%3)); i=$((i+1)); done");
        var judge = new RuleEye((_, i) => (false, i));
        int[] tried = [0, 1, 2, 3, 4, 5];
        // Scores 0, 0.1, 0.2 in turn: seen are 1, 2, 4, 5.
        var eye = new CommandEye(command, 0.1, (data, tried, [true, true, true, false, false, false]), judge, default);
        Assert.That((eye.Acuity.Images, eye.Acuity.Hits, eye.Acuity.FalseAlarms), Is.EqualTo((6, 200 / 3.0, 200 / 3.0)).Within(1e-12));
        Assert.That(eye.Acuity.Accuracy, Is.EqualTo(50).Within(1e-12));
        var sight = eye.See(new GeneratedSet([0, 0, 0], new byte[3 * 192], [0, 0, 0]), default);
        Assert.That(sight.Shown, Is.EqualTo(new[] { false, true, true }));
        Assert.That(sight.Contents, Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(eye.AskedFor("a red ring"), Is.EqualTo(judge.AskedFor("a red ring")));
        var unknown = new CommandEye(command, 0.1, (data, [], []), null, default);
        Assert.That((unknown.Acuity, unknown.AskedFor("a red ring")), Is.EqualTo((ConceptAcuity.Unknown, -1)));
    }

    [Test]
    public void AcuityIsHitsAndFalseAlarms()
    {
        var of = ConceptAcuity.Of([true, true, false, true, false], [true, true, true, true, false], 20);
        Assert.That(of, Is.EqualTo(new ConceptAcuity(5, 75, 0, 20)));
        Assert.That(of.Accuracy, Is.EqualTo(87.5));
        Assert.That(ConceptAcuity.Of([true], [true]).FalseAlarms, Is.NaN);
    }
}
