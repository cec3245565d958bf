using Lur.Runs;

namespace Lur.Tests.Runs;

/// <summary>The one sentence that a forgetting run ends with.</summary>
public class ForgetConclusionTests
{
    [TestCase(true, 97, 0, "is no longer recognised: accuracy on them 0.0 %, 97.0 % before")]
    [TestCase(true, 97, 40, "is forgotten in part")]
    [TestCase(true, 97, 90, "is hardly forgotten")]
    [TestCase(true, 97, 97, "was not forgotten")]
    [TestCase(true, 3, 0, "was not recognised before, so that there was little to forget: accuracy on them 0.0 %, 3.0 % before")]
    [TestCase(false, 0, 0, "was not recognised before")]
    [TestCase(false, 97, 98, "is known better than before")]
    [TestCase(false, 97, 40, "is recognised less often than images never seen")]
    [TestCase(false, 97, 80, "is recognised as often as images never seen")]
    [TestCase(false, 97, 90, "is still known better than images never seen")]
    [TestCase(false, double.NaN, 90, "its accuracy is not known")]
    public void TheSentenceSaysWhatTheNumbersSay(bool wholeClass, double before, double after, string expected)
    {
        var conclusion = new ForgetConclusion("star", 12, wholeClass, (before, after), (82, 80), null);
        Assert.That(conclusion.Sentence, Does.StartWith("star (12 images) ").And.Contain(expected).And.EndWith("80.0 %, 82.0 % before."));
    }
}
