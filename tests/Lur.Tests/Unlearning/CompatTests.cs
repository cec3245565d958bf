using Lur.Unlearning;

namespace Lur.Tests.Unlearning;

/// <summary>What --compat stands for.</summary>
public class CompatTests
{
    private static Dictionary<string, string> Read(string method, params string[] given)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in given.Chunk(2))
            options.Add(option[0], option[1]);
        return MethodCatalog.Find(method).Read(options).Texts().ToDictionary(t => t.Option.Name, t => t.Text);
    }

    [TestCase("lur", "bn", "both")]
    [TestCase("lur", "epoch-mode", "min")]
    [TestCase("scissorhands", "bn", "both")]
    [TestCase("salun", "bn", "both")]
    [TestCase("salun", "label-draw", "any")]
    [TestCase("salun-soft", "label-draw", "any")]
    [TestCase("rl", "label-draw", "any")]
    [TestCase("ga", "bn", "both")]
    [TestCase("neggrad", "bn", "both")]
    [TestCase("boundary-shrink", "bn", "both")]
    [TestCase("boundary-expand", "bn", "both")]
    [TestCase("scrub", "bn", "both")]
    [TestCase("ssd", "fisher-batch", "64")]
    public void CompatChangesDefaultsAndNothingThatWasGiven(string method, string option, string text)
    {
        var definition = MethodCatalog.Find(method);
        var ours = definition.Options.Single(o => o.Name == option).Default;
        Assert.That(ours, Is.Not.EqualTo(text));
        Assert.That(Read(method, "compat", "true")[option], Is.EqualTo(text));
        Assert.That(Read(method, "compat", "true", option, ours)[option], Is.EqualTo(ours));
        Assert.That(Read(method, "compat", "false")[option], Is.EqualTo(ours));
        Assert.That(Read(method)[option], Is.EqualTo(ours));
        var compat = definition.Options.Single(o => o.Name == "compat");
        Assert.That(compat.Description, Does.Contain($"--{option} {text}"), "and the help says so");
        foreach (var (name, implied) in compat.Implies)
            definition.Options.Single(o => o.Name == name).Check(implied);
    }

    [Test]
    public void ForgetBatchesMoveRunningStatisticsWithCompat([Values("ga", "boundary-shrink", "boundary-expand")] string method)
    {
        string[] loop = ["batch", "16", "epochs", "1"];
        using MethodScope ours = new(),
            theirs = new();
        var before = ours.Model.Buffers.ToArray();
        ours.Run(method, loop);
        theirs.Run(method, [.. loop, "compat", "true"]);
        Assert.That(ours.Model.Buffers.ToArray(), Is.EqualTo(before));
        Assert.That(theirs.Model.Buffers.ToArray(), Is.Not.EqualTo(before));
    }
}
