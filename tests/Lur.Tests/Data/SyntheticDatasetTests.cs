using Lur.Data;

namespace Lur.Tests.Data;

public class SyntheticDatasetTests
{
    [Test, Explicit("Writes a picture to look at: synthetic.png in the test's work folder.")]
    public void WriteContactSheet()
    {
        string path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "synthetic.png");
        File.WriteAllBytes(path, PngWriter.ContactSheet(new SyntheticDataset(240, 1, SyntheticPart.Train), 24, 2));
        TestContext.Out.WriteLine(path);
    }
}
